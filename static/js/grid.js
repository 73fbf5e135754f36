// @ts-check
/**
 * A growing list of pictures cut into rows: what is where on the wall. No DOM.
 *
 * Rows are frozen: once a picture has a place, only another frame (a resized window) gives it another. Pictures
 * that do not fill a row yet are held back until more come or `flush` shows them. Where pictures become less alike, a
 * row ends, full or not, and there is room for a divider before the next one.
 */

import { DIVIDER, extendedRow, lastRow, nextRow, rowOf, topOf } from "./layout.js";
import { Pictures } from "./pictures.js";
import { Rows } from "./rows.js";

/** @typedef {import("./layout.js").Frame} Frame */
/** @typedef {import("./layout.js").Row} Row */
/** @typedef {import("./images.js").DetailedImage} DetailedImage */
/** @typedef {Row & {start: number, top: number}} PlacedRow  `start` is the index of its first picture */
/** @typedef {{left: number, top: number, width: number, height: number}} Box */

export class Grid {
  /**
   * The first picture that is less alike.
   *
   * @type {number | null}
   */
  split = null;
  #rows = new Rows();
  /** The row that was asked for last: its boxes are asked for one after the other. */
  #latest = { index: -1, row: /** @type {PlacedRow | null} */ (null) };

  /**
   * @param {Frame} frame
   * @param {Pictures} [pictures]  with nothing placed yet, for `restore`
   */
  constructor(frame, pictures = new Pictures()) {
    this.frame = frame;
    this.pictures = pictures;
  }

  /**
   * The grid as it was, from what it said of itself.
   *
   * @param {Frame} frame
   * @param {import("./pictures.js").Saved} saved
   * @param {number[]} breaks
   * @param {number | null} [split]
   */
  static restore(frame, saved, breaks, split = null) {
    const grid = new Grid(frame, Pictures.fromJSON(saved));
    grid.split = split;
    const { ratios } = grid.pictures;
    for (const size of breaks) {
      const end = grid.placed + Math.abs(size);
      if (size === 0 || end > grid.count) break;
      grid.#place(rowOf(ratios, grid.placed, end, frame, size > 0));
    }
    grid.#fill();
    return grid;
  }

  /** How many pictures there are. */
  get count() {
    return this.pictures.length;
  }

  /** How many pictures have a place. The others are held back. */
  get placed() {
    return this.#rows.end;
  }

  get rowCount() {
    return this.#rows.length;
  }

  /** Pixels from the top of the first row to the bottom of the last. */
  get height() {
    return this.#rows.height;
  }

  /** Pixels from the top of the first row to the divider; null when there is none, or nothing behind it yet. */
  get divider() {
    const row = this.split === null ? null : this.#rows.at(this.rowAt(this.split));
    return row && row.start === this.split ? row.top - DIVIDER : null;
  }

  /** How many pictures each row holds, negative when ragged: with pictures and frame, enough to lay them out again. */
  get breaks() {
    return Array.from({ length: this.rowCount }, (_, index) => {
      const { start, end, full } = /** @type {NonNullable<ReturnType<Rows["at"]>>} */ (this.#rows.at(index));
      return full ? end - start : start - end;
    });
  }

  /**
   * @param {number} index
   * @returns {PlacedRow | null} null where there is no such row
   */
  row(index) {
    if (this.#latest.index === index) return this.#latest.row;
    const placed = this.#rows.at(index);
    if (!placed) return null;
    const { start, end, top, full } = placed;
    const row = { ...rowOf(this.pictures.ratios, start, end, this.frame, full), start, top };
    this.#latest = { index, row };
    return row;
  }

  /**
   * The pictures of a stretch of rows.
   *
   * @param {number} first
   * @param {number} end    the row behind the last
   * @returns {[number, number]} the first picture, and the one behind the last
   */
  picturesOf(first, end) {
    return [this.#rows.at(first)?.start ?? 0, this.#rows.at(end)?.start ?? this.placed];
  }

  /**
   * @param {DetailedImage[]} images   to put behind the others
   * @param {number | null} [cutoff]   the score below which they are less alike
   */
  add(images, cutoff = null) {
    for (const image of images) {
      if (this.split === null && cutoff !== null && image.score !== null && image.score < cutoff) this.split = this.count;
      this.pictures.push(image);
    }
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
    this.pictures.remove(index);
    if (this.split !== null && index < this.split) this.split -= 1;
    if (index >= placed) return;
    this.#truncate(row);
    this.#fill();
    if (this.placed < placed - 1) this.flush();
  }

  /** Show the pictures held back, as a ragged last row. */
  flush() {
    if (this.placed < this.count) this.#place(lastRow(this.pictures.ratios, this.placed, this.frame));
  }

  /**
   * Lay everything out again for another frame.
   *
   * @param {Frame} frame
   */
  resize(frame) {
    const shown = this.placed;
    this.frame = frame;
    this.#truncate(0);
    this.#fill();
    if (this.placed < shown) this.flush();
  }

  /**
   * @param {number} index  of a picture
   * @returns {Box | null} null while it is held back
   */
  box(index) {
    if (index >= this.placed) return null;
    const row = this.row(this.rowAt(index));
    const column = row ? index - row.start : -1;
    return row ? { left: row.lefts[column], top: row.top, width: row.widths[column], height: row.height } : null;
  }

  /**
   * @param {number} index  of a picture that has a place
   * @returns {number} its row's index
   */
  rowAt(index) {
    return this.#rows.holding(index);
  }

  /**
   * The rows that touch a stretch of the wall.
   *
   * @param {number} top     pixels
   * @param {number} bottom  pixels
   * @returns {[number, number]} first row, and the one behind the last
   */
  rowsBetween(top, bottom) {
    const first = Math.max(0, this.#rows.above(top));
    const end = this.#rows.above(bottom) + 1;
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
    const row = this.row(this.rowAt(index) + (key === "ArrowUp" ? -1 : 1));
    if (!from || !row) return index;
    const center = from.left + from.width / 2;
    const distances = row.lefts.map((left, i) => Math.max(left - center, center - left - row.widths[i], 0));
    return row.start + distances.indexOf(Math.min(...distances));
  }

  /** The picture before which the row that comes next has to end. */
  get #until() {
    return this.split !== null && this.placed < this.split ? this.split : this.count;
  }

  /** Put pictures at the right of a ragged last row while they fit: slow arrivals share rows, and nothing moves. */
  #extend() {
    const { ratios } = this.pictures;
    /** @type {Row | null} */
    let last = this.row(this.rowCount - 1);
    while (last && !last.full && this.placed < this.#until && this.placed !== this.split) {
      last = extendedRow(last, ratios[this.placed], this.frame);
      if (last) this.#rows.extend();
    }
    this.#latest.index = -1;
  }

  #fill() {
    const { ratios } = this.pictures;
    const next = () => nextRow(ratios, this.placed, this.frame, this.split);
    for (let row = next(); row; row = next()) this.#place(row);
  }

  /** @param {Row} row */
  #place({ widths, height, full }) {
    this.#rows.push(widths.length, topOf(this.placed, this.height, this.frame, this.split), height, full);
  }

  /** @param {number} length  how many rows stay */
  #truncate(length) {
    this.#rows.truncate(length);
    this.#latest.index = -1;
  }
}
