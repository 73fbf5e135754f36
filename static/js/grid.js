// @ts-check
/**
 * A growing list of pictures cut into rows: what is where on the wall. No DOM.
 *
 * Rows are frozen: once a picture has a place, only another frame (a resized window) gives it another. Pictures
 * that do not fill a row yet are held back until more come or `flush` shows them. Where pictures become less alike, a
 * row ends, full or not, and there is room for a divider before the next one.
 */

import { extendedRow, fullRow, lastRow, rowOf } from "./layout.js";

/** @typedef {import("./layout.js").Frame} Frame */
/** @typedef {import("./layout.js").Row} Row */
/** @typedef {import("./images.js").DetailedImage} DetailedImage */
/** @typedef {Row & {start: number, top: number}} PlacedRow  `start` is the index of its first picture */
/** @typedef {{left: number, top: number, width: number, height: number}} Box */

/** Pixels between the rows on both sides of the divider, besides the gap. */
export const DIVIDER = 72;

export class Grid {
  /** @type {DetailedImage[]} */
  images = [];
  /** @type {PlacedRow[]} */
  rows = [];
  /**
   * The first picture that is less alike.
   *
   * @type {number | null}
   */
  split = null;
  /** @type {number[]} */
  #ratios = [];

  /** @param {Frame} frame */
  constructor(frame) {
    this.frame = frame;
  }

  /**
   * The grid as it was, from what `breaks` gave.
   *
   * @param {Frame} frame
   * @param {DetailedImage[]} images
   * @param {number[]} breaks
   * @param {number | null} [cutoff]  as for `add`
   */
  static restore(frame, images, breaks, cutoff = null) {
    const grid = new Grid(frame);
    grid.#append(images, cutoff);
    for (const size of breaks) {
      const end = grid.placed + Math.abs(size);
      if (size === 0 || end > images.length) break;
      grid.#place(rowOf(grid.#ratios, grid.placed, end, frame, size > 0));
    }
    grid.#fill();
    return grid;
  }

  /** How many pictures have a place. The others are held back. */
  get placed() {
    const last = this.rows.at(-1);
    return last ? last.start + last.widths.length : 0;
  }

  /** Pixels from the top of the first row to the bottom of the last. */
  get height() {
    const last = this.rows.at(-1);
    return last ? last.top + last.height : 0;
  }

  /** Pixels from the top of the first row to the divider; null when there is none, or nothing behind it yet. */
  get divider() {
    const row = this.split === null ? undefined : this.rows[this.rowAt(this.split)];
    return row && row.start === this.split ? row.top - DIVIDER : null;
  }

  /** How many pictures each row holds, negative when ragged: with images and frame, enough to lay them out again. */
  get breaks() {
    return this.rows.map((row) => (row.full ? row.widths.length : -row.widths.length));
  }

  /**
   * @param {DetailedImage[]} images   to put behind the others
   * @param {number | null} [cutoff]   the score below which they are less alike
   */
  add(images, cutoff = null) {
    this.#append(images, cutoff);
    this.#extend();
    this.#fill();
  }

  /**
   * Take a picture out. Those in its row and below are laid out again, those above stay where they are.
   *
   * @param {number} index
   */
  remove(index) {
    const { placed } = this;
    const row = this.rowAt(index);
    this.images.splice(index, 1);
    this.#ratios.splice(index, 1);
    if (this.split !== null && index < this.split) this.split -= 1;
    if (index >= placed) return;
    this.rows.length = row;
    this.#fill();
    if (this.placed < placed - 1) this.flush();
  }

  /** Show the pictures held back, as a ragged last row. */
  flush() {
    if (this.placed < this.images.length) this.#place(lastRow(this.#ratios, this.placed, this.frame));
  }

  /**
   * Lay everything out again for another frame.
   *
   * @param {Frame} frame
   */
  resize(frame) {
    const shown = this.placed;
    this.frame = frame;
    this.rows = [];
    this.#fill();
    if (this.placed < shown) this.flush();
  }

  /**
   * @param {number} index  of a picture
   * @returns {Box | null} null while it is held back
   */
  box(index) {
    const row = this.rows[this.rowAt(index)];
    const column = row ? index - row.start : -1;
    if (!row || column < 0 || column >= row.widths.length) return null;
    return { left: row.lefts[column], top: row.top, width: row.widths[column], height: row.height };
  }

  /**
   * @param {number} index  of a picture that has a place
   * @returns {number} its row's index
   */
  rowAt(index) {
    return lastWhere(this.rows, (row) => row.start <= index);
  }

  /**
   * The rows that touch a stretch of the wall.
   *
   * @param {number} top     pixels
   * @param {number} bottom  pixels
   * @returns {[number, number]} first row, and the one behind the last
   */
  rowsBetween(top, bottom) {
    const first = Math.max(0, lastWhere(this.rows, (row) => row.top <= top));
    const end = lastWhere(this.rows, (row) => row.top <= bottom) + 1;
    return [Math.min(first, end), end];
  }

  /**
   * Where an arrow key leads from a picture: along the row and around its ends, or to the one above or below its middle.
   *
   * @param {number} index
   * @param {string} key  an arrow key's name
   * @returns {number} the index itself where there is nothing that way
   */
  neighbor(index, key) {
    if (key === "ArrowLeft") return Math.max(0, index - 1);
    if (key === "ArrowRight") return Math.min(this.placed - 1, index + 1);
    const from = this.box(index);
    const row = this.rows[this.rowAt(index) + (key === "ArrowUp" ? -1 : 1)];
    if (!from || !row) return index;
    const center = from.left + from.width / 2;
    const distances = row.lefts.map((left, i) => Math.max(left - center, center - left - row.widths[i], 0));
    return row.start + distances.indexOf(Math.min(...distances));
  }

  /** The picture before which the row that comes next has to end. */
  get #until() {
    return this.split !== null && this.placed < this.split ? this.split : this.images.length;
  }

  /**
   * @param {DetailedImage[]} images
   * @param {number | null} cutoff
   */
  #append(images, cutoff) {
    for (const image of images) {
      if (this.split === null && cutoff !== null && image.score !== null && image.score < cutoff) {
        this.split = this.images.length;
      }
      this.images.push(image);
      this.#ratios.push(image.width / image.height);
    }
  }

  /** Put pictures at the right of a ragged last row while they fit: slow arrivals share rows, and nothing moves. */
  #extend() {
    for (let last = this.rows.at(-1); last && !last.full && this.placed < this.#until; ) {
      if (this.placed === this.split) return;
      const longer = extendedRow(last, this.#ratios[this.placed], this.frame);
      if (!longer) return;
      last = { ...last, ...longer };
      this.rows[this.rows.length - 1] = last;
    }
  }

  #fill() {
    for (let row = this.#next(); row; row = this.#next()) this.#place(row);
  }

  #next() {
    const { placed, frame } = this;
    const until = this.#until;
    const full = fullRow(this.#ratios, placed, frame, until);
    if (full || placed === until || until !== this.split) return full;
    return lastRow(this.#ratios, placed, frame, until);
  }

  /** @param {Row} row */
  #place(row) {
    const start = this.placed;
    const top = (this.rows.length ? this.height + this.frame.gap : 0) + (start === this.split ? DIVIDER : 0);
    this.rows.push({ ...row, start, top });
  }
}

/**
 * The last index whose item satisfies a condition that holds for the first items and for none behind them.
 *
 * @template T
 * @param {readonly T[]} items
 * @param {(item: T) => boolean} holds
 * @returns {number} -1 when it holds for none
 */
function lastWhere(items, holds) {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(items[middle])) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
