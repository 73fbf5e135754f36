// @ts-check
/**
 * Justified rows: pictures side by side in their own shapes, each full row as wide as the wall, to the pixel.
 *
 * Pure geometry without a DOM. Rows are taken from the front, one at a time, and a row depends only on the
 * pictures up to its end and the one behind it: what arrives later never changes a row.
 */

/**
 * @typedef {object} Frame
 * @property {number} width   pixels to fill, an integer
 * @property {number} height  the height in pixels that rows aim at
 * @property {number} gap     pixels between pictures, and between rows
 */

/**
 * @typedef {object} Row
 * @property {number} height    pixels, an integer
 * @property {number[]} lefts   the left edge of each box, in pixels
 * @property {number[]} widths  the width of each box, in pixels
 * @property {boolean} full     whether the row fills the width
 */

/** A full row is at most this many times as high as the frame asks for. */
export const HIGHEST = 1.5;

/** A panorama alone in its row gets a box of at least this share of the height. */
export const LOWEST = 0.5;

/** Towers get a box of at least this share of their height in width. */
export const NARROWEST = 0.4;

/** Pixels between the rows on both sides of the divider between what is alike and what is less so, besides the gap. */
export const DIVIDER = 72;

/** A last row that would be at most this many times too high is stretched to the width. */
const NEARLY_FULL = 1.2;

/**
 * The row height to aim at on a wall of this width: two or three pictures a row on a phone, ten on a cinema screen.
 *
 * @param {number} width  pixels
 * @returns {number} pixels
 */
export function targetHeight(width) {
  return Math.round(Math.min(380, Math.max(120, 56 + 4.7 * Math.sqrt(width))));
}

/**
 * The aspect ratio of the box that a picture gets: its own, but for panoramas too flat and towers too thin to be
 * seen and touched. Those lie whole inside a box of the nearest shape allowed.
 *
 * @param {number} ratio  width over height
 * @param {Frame} frame
 */
export function boxRatio(ratio, frame) {
  const widest = Math.max(1, frame.width / (LOWEST * frame.height));
  return ratio > 0 && Number.isFinite(ratio) ? Math.min(widest, Math.max(NARROWEST, ratio)) : 1;
}

/**
 * The full row at the front of `ratios` from `start` on.
 *
 * @param {ArrayLike<number>} ratios  width over height of each picture
 * @param {number} start              where the row begins
 * @param {Frame} frame
 * @param {number} [until]            the picture that belongs to another part of the wall
 * @returns {Row | null} null when the pictures left do not fill a row
 */
export function fullRow(ratios, start, frame, until = ratios.length) {
  let sum = 0;
  let before = Infinity;
  for (let end = start + 1; end <= until; end++) {
    sum += boxRatio(ratios[end - 1], frame);
    const height = heightToFill(sum, end - start, frame);
    if (height <= frame.height) {
      const tooHigh = before / frame.height;
      const shorter = tooHigh <= HIGHEST && tooHigh < frame.height / height;
      return rowOf(ratios, start, shorter ? end - 1 : end, frame, true);
    }
    before = height;
  }
  return null;
}

/**
 * A last row of all pictures from `start` on, which do not fill one. When they nearly do, it is stretched.
 *
 * @param {ArrayLike<number>} ratios
 * @param {number} start
 * @param {Frame} frame
 * @param {number} [end]  the one behind the last
 * @returns {Row}
 */
export function lastRow(ratios, start, frame, end = ratios.length) {
  const sum = total(boxRatios(ratios, start, end, frame));
  const height = heightToFill(sum, end - start, frame);
  return rowOf(ratios, start, end, frame, height <= frame.height * NEARLY_FULL);
}

/**
 * The row that comes next.
 *
 * @param {ArrayLike<number>} ratios
 * @param {number} start          where it begins
 * @param {Frame} frame
 * @param {number | null} split   the first picture that is less alike: a row ends before it, full or not
 * @returns {Row | null} null when the pictures left do not fill a row
 */
export function nextRow(ratios, start, frame, split) {
  const until = split !== null && start < split ? split : ratios.length;
  const full = fullRow(ratios, start, frame, until);
  if (full || start === until || until !== split) return full;
  return lastRow(ratios, start, frame, until);
}

/**
 * Where a row begins that comes below another, or is the first.
 *
 * @param {number} start        its first picture
 * @param {number} height       from the top of the first row to the bottom of the last before it, in pixels
 * @param {Frame} frame
 * @param {number | null} split
 * @returns {number} pixels
 */
export function topOf(start, height, frame, split) {
  return (start ? height + frame.gap : 0) + (start === split ? DIVIDER : 0);
}

/**
 * The row of exactly these pictures.
 *
 * @param {ArrayLike<number>} ratios
 * @param {number} start  the first of them
 * @param {number} end    the one behind the last
 * @param {Frame} frame
 * @param {boolean} full  stretched to the width, or ragged: at the height aimed at, from the left
 * @returns {Row}
 */
export function rowOf(ratios, start, end, frame, full) {
  const row = boxRatios(ratios, start, end, frame);
  if (full) return justified(row, frame);
  const lefts = [];
  const widths = [];
  let left = 0;
  for (const ratio of row) {
    const width = Math.round(ratio * frame.height);
    lefts.push(left);
    widths.push(width);
    left += width + frame.gap;
  }
  return { height: frame.height, lefts, widths, full: false };
}

/**
 * @param {ArrayLike<number>} ratios
 * @param {number} start
 * @param {number} end    the one behind the last
 * @param {Frame} frame
 */
function boxRatios(ratios, start, end, frame) {
  return Array.from({ length: end - start }, (_, column) => boxRatio(ratios[start + column], frame));
}

/**
 * The ragged row with one more picture at its right, or null where it has no room. Nothing in it moves.
 *
 * @param {Row} row
 * @param {number} ratio
 * @param {Frame} frame
 * @returns {Row | null}
 */
export function extendedRow(row, ratio, frame) {
  const last = row.widths.length - 1;
  const left = row.lefts[last] + row.widths[last] + frame.gap;
  const width = Math.round(boxRatio(ratio, frame) * row.height);
  if (row.full || left + width > frame.width) return null;
  return { ...row, lefts: [...row.lefts, left], widths: [...row.widths, width] };
}

/**
 * @param {number} sum    of the boxes' ratios
 * @param {number} count  of boxes
 * @param {Frame} frame
 */
function heightToFill(sum, count, frame) {
  return Math.max(0, frame.width - frame.gap * (count - 1)) / sum;
}

/**
 * Whole pixels: edges are rounded, not widths, so that no rounding adds up.
 *
 * @param {number[]} row  box ratios
 * @param {Frame} frame
 * @returns {Row}
 */
function justified(row, frame) {
  const pixels = frame.width - frame.gap * (row.length - 1);
  const sum = total(row);
  const lefts = [];
  const widths = [];
  let passed = 0;
  let edge = 0;
  for (const [i, ratio] of row.entries()) {
    passed += ratio;
    const next = i === row.length - 1 ? pixels : Math.round((pixels * passed) / sum);
    lefts.push(edge + frame.gap * i);
    widths.push(next - edge);
    edge = next;
  }
  return { height: Math.max(1, Math.round(heightToFill(sum, row.length, frame))), lefts, widths, full: true };
}

/** @param {number[]} numbers */
function total(numbers) {
  return numbers.reduce((sum, number) => sum + number, 0);
}

/**
 * @param {Frame} one
 * @param {Frame} other
 */
export function sameFrame(one, other) {
  return one.width === other.width && one.height === other.height && one.gap === other.gap;
}
