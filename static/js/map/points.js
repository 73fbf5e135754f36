// @ts-check
/** The map's points as the server packs them, and a grid over them that finds those in a place at once. No DOM. */

import { SIDE } from "./view.js";

const HEAD = 20;
const MAGIC = 0x50414d41; // "AMAP", little-endian
const VERSION = 1;
const ROW = 11;
const CELLS = 256; // a side
const CELL = SIDE / CELLS;

export class Points {
  /**
   * @param {number} layout       which layout they are of; 0 before there is one
   * @param {Uint32Array} ids     ascending
   * @param {Uint16Array} xs      map units
   * @param {Uint16Array} ys
   * @param {Uint8Array} colors   red, green and blue of each
   */
  constructor(layout, ids, xs, ys, colors) {
    this.layout = layout;
    this.ids = ids;
    this.xs = xs;
    this.ys = ys;
    this.colors = colors;
    this.count = ids.length;
    const { starts, members } = gathered(xs, ys);
    this.starts = starts;
    this.members = members;
  }

  /**
   * @param {ArrayBuffer} data
   * @returns {Points}
   * @throws {RangeError} when it is cut off or something else
   */
  static read(data) {
    const head = new DataView(data);
    if (data.byteLength < HEAD || head.getUint32(0, true) !== MAGIC || head.getUint32(4, true) !== VERSION) {
      throw new RangeError("these are no points of a map");
    }
    const count = head.getUint32(12, true);
    if (data.byteLength !== HEAD + ROW * count) throw new RangeError("the points of the map are cut off");
    const at = (/** @type {number} */ bytes) => HEAD + bytes * count;
    return new Points(
      head.getUint32(8, true),
      new Uint32Array(data, HEAD, count),
      new Uint16Array(data, at(4), count),
      new Uint16Array(data, at(6), count),
      new Uint8Array(data, at(8), 3 * count),
    );
  }

  get largest() {
    return this.count ? this.ids[this.count - 1] : 0;
  }

  /**
   * @param {Points} others  of the same layout, all with larger ids
   * @returns {Points} both
   */
  with(others) {
    return new Points(
      this.layout,
      joined(Uint32Array, this.ids, others.ids),
      joined(Uint16Array, this.xs, others.xs),
      joined(Uint16Array, this.ys, others.ys),
      joined(Uint8Array, this.colors, others.colors),
    );
  }

  /**
   * The places in the arrays of all points in a part of the map, and of some around it.
   *
   * @param {number} left    map units
   * @param {number} top
   * @param {number} right
   * @param {number} bottom
   * @param {(index: number) => void} visit
   */
  inside(left, top, right, bottom, visit) {
    const { starts, members } = this;
    const first = cellOf(left);
    const last = cellOf(right);
    for (let row = cellOf(top); row <= cellOf(bottom); row++) {
      const end = starts[row * CELLS + last + 1];
      for (let at = starts[row * CELLS + first]; at < end; at++) visit(members[at]);
    }
  }

  /**
   * @param {number} x       map units
   * @param {number} y
   * @param {number} within  map units
   * @returns {number} the place of the nearest point that is so near, -1 for none
   */
  nearest(x, y, within) {
    return this.nearby(x, y, within, 1)[0] ?? -1;
  }

  /**
   * @param {number} x       map units
   * @param {number} y
   * @param {number} within  map units
   * @param {number} most
   * @returns {number[]} the places of the nearest points, nearest first
   */
  nearby(x, y, within, most) {
    /** @type {[number, number][]} */
    const found = [];
    this.inside(x - within, y - within, x + within, y + within, (index) => {
      const far = (this.xs[index] - x) ** 2 + (this.ys[index] - y) ** 2;
      if (far > within * within || (found.length === most && far >= found[most - 1][0])) return;
      let at = found.length;
      while (at > 0 && found[at - 1][0] > far) at -= 1;
      found.splice(at, 0, [far, index]);
      if (found.length > most) found.pop();
    });
    return found.map(([, index]) => index);
  }

  /** Map units from one point to the next where they lie evenly; for how far to look. */
  get spacing() {
    return SIDE / Math.sqrt(Math.max(1, this.count));
  }
}

export const NO_POINTS = new Points(0, new Uint32Array(), new Uint16Array(), new Uint16Array(), new Uint8Array());

/**
 * The points sorted by the cells they are in, row by row: those of cell c are members[starts[c]] to members[starts[c + 1]].
 *
 * @param {Uint16Array} xs
 * @param {Uint16Array} ys
 */
function gathered(xs, ys) {
  const starts = new Uint32Array(CELLS * CELLS + 1);
  const members = new Uint32Array(xs.length);
  const cell = (/** @type {number} */ index) => (ys[index] >> 8) * CELLS + (xs[index] >> 8);
  for (let index = 0; index < xs.length; index++) starts[cell(index) + 1] += 1;
  for (let at = 1; at < starts.length; at++) starts[at] += starts[at - 1];
  const next = starts.slice();
  for (let index = 0; index < xs.length; index++) members[next[cell(index)]++] = index;
  return { starts, members };
}

/** @param {number} value  map units */
function cellOf(value) {
  return Math.min(CELLS - 1, Math.max(0, Math.floor(value / CELL)));
}

/**
 * @template {Uint32Array | Uint16Array | Uint8Array} T
 * @param {new (length: number) => T} kind
 * @param {T} first
 * @param {T} second
 */
function joined(kind, first, second) {
  const both = new kind(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
