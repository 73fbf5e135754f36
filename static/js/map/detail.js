// @ts-check
/**
 * Which pictures are shown as pictures at a zoom, and where. Pure, without a DOM.
 *
 * Each level cuts the map into squares, those of the next into quarters. A square shows one of its points, always the same
 * one: the first in an order that looks random. Whoever is shown is shown at all nearer levels, in whatever direction
 * one moves, and no two overlap: a picture stays inside its square, as near to its point as that allows.
 */

import { SIDE } from "./view.js";

/** @typedef {import("./points.js").Points} Points */

/**
 * @typedef {object} Shown
 * @property {number} index  the point's place
 * @property {number} x      the middle of the picture's box, in map units
 * @property {number} y
 */

/** Of a square's side; the rest is the gap. */
export const BOX = 0.87;

/** From this many points a square on, on average, dots tell more than pictures. */
const CROWD = 16;
/** Up to so many points a square, on average, nearly each is alone. */
const COMPANY = 1.6;
/** From there on, of each doubling of the zoom, the share that splits squares; the rest makes them larger. */
const SPLITTING = 0.4;
const SQUARE_MOST = 240; // pixels
const LEVEL_MOST = 16;
const COUNTED_MOST = 11;

/**
 * The level whose squares are at least `least` pixels wide and less than twice that.
 *
 * @param {number} scale  pixels a map unit
 * @param {number} least  pixels
 * @returns {number} its part behind the point tells how far it is to the next
 */
export function levelOf(scale, least) {
  return Math.min(LEVEL_MOST, Math.max(0, Math.log2((scale * SIDE) / least)));
}

/**
 * @typedef {object} Levels
 * @property {number} near   the widest level from which on pictures are shown
 * @property {number} alone  the widest level at which most points have a square to themselves
 */

/**
 * @param {Points} points
 * @returns {Levels}
 */
export function levelsOf(points) {
  let near = COUNTED_MOST;
  for (let level = 0; level < COUNTED_MOST; level++) {
    const share = points.count / Math.max(1, squares(points, level));
    if (share <= CROWD) near = Math.min(near, level);
    if (share <= COMPANY) return { near, alone: level };
  }
  return { near, alone: COUNTED_MOST };
}

/**
 * The level whose squares show their pictures at a zoom. Where points are alone, pictures grow as one comes nearer.
 *
 * @param {Levels} levels
 * @param {number} scale  pixels a map unit
 * @param {number} least  pixels that a square is wide at least
 * @returns {number} whole
 */
export function levelShown({ alone }, scale, least) {
  const level = levelOf(scale, least);
  const slowed = Math.floor(level <= alone ? level : alone + SPLITTING * (level - alone));
  return Math.max(slowed, Math.min(LEVEL_MOST, Math.ceil(Math.log2((scale * SIDE) / SQUARE_MOST))));
}

/**
 * @param {Points} points
 * @param {number} level
 * @returns {number} squares that hold a point
 */
function squares({ count, xs, ys }, level) {
  const bits = 16 - level;
  const taken = new Uint8Array(4 ** level);
  let squares = 0;
  for (let index = 0; index < count; index++) {
    const square = ((ys[index] >> bits) << level) | (xs[index] >> bits);
    squares += 1 - taken[square];
    taken[square] = 1;
  }
  return squares;
}

/**
 * One point of each square in a part of the map.
 *
 * @param {Points} points
 * @param {number} level  whole
 * @param {{left: number, top: number, right: number, bottom: number}} part  map units
 * @returns {Shown[]}
 */
export function shown(points, level, part) {
  const side = SIDE / 2 ** level;
  const down = (/** @type {number} */ value) => Math.max(0, Math.floor(value / side) * side);
  const left = down(part.left);
  const top = down(part.top);
  const right = Math.min(SIDE, down(part.right) + side) - 1e-6;
  const bottom = Math.min(SIDE, down(part.bottom) + side) - 1e-6;
  /** @type {Map<number, number>} */
  const first = new Map();
  points.inside(left, top, right, bottom, (index) => {
    const x = points.xs[index];
    const y = points.ys[index];
    if (x < left || x > right || y < top || y > bottom) return;
    const square = Math.floor(y / side) * 2 ** level + Math.floor(x / side);
    const best = first.get(square);
    if (best === undefined || rank(points.ids[index]) < rank(points.ids[best])) first.set(square, index);
  });
  const room = ((1 - BOX) / 2) * side;
  return [...first.values()].map((index) => ({
    index,
    x: nudged(points.xs[index], side, room),
    y: nudged(points.ys[index], side, room),
  }));
}

/**
 * @param {number} id
 * @returns {number} looks random and is always the same
 */
export function rank(id) {
  let mixed = Math.imul(id ^ (id >>> 16), 0x45d9f3b);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x45d9f3b);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/**
 * The place nearest to `at` for the middle of a box inside its square.
 *
 * @param {number} at
 * @param {number} side
 * @param {number} room  how far the box may move from the square's middle
 */
function nudged(at, side, room) {
  const middle = (Math.floor(at / side) + 0.5) * side;
  return Math.min(middle + room, Math.max(middle - room, at));
}
