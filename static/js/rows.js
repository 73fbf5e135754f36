// @ts-check
/** Rows that pictures have been given, from the top down: where each begins, some ten bytes a row. No DOM. */

import { Column, lastWhere } from "./columns.js";

export class Rows {
  #starts = new Column(Uint32Array);
  #tops = new Column(Uint32Array);
  #heights = new Column(Uint16Array);
  #full = new Column(Uint8Array);
  /** The picture behind the last row's last: so many have a place. */
  end = 0;

  get length() {
    return this.#starts.length;
  }

  /** Pixels from the top of the first row to the bottom of the last. */
  get height() {
    const last = this.length - 1;
    return last < 0 ? 0 : this.#tops.at(last) + this.#heights.at(last);
  }

  /**
   * Put a row below the others. It begins with the picture behind their last.
   *
   * @param {number} count   of its pictures
   * @param {number} top     pixels
   * @param {number} height  pixels
   * @param {boolean} full   whether it fills the width
   */
  push(count, top, height, full) {
    this.#starts.push(this.end);
    this.#tops.push(top);
    this.#heights.push(height);
    this.#full.push(Number(full));
    this.end += count;
  }

  /** The last row has got one more picture. */
  extend() {
    this.end += 1;
  }

  /** @param {number} length  how many rows stay */
  truncate(length) {
    if (length >= this.length) return;
    this.end = this.#starts.at(length);
    for (const column of [this.#starts, this.#tops, this.#heights, this.#full]) column.length = length;
  }

  /**
   * @param {number} index  of a row
   * @returns {{start: number, end: number, top: number, full: boolean} | null} its first picture, the one behind its
   *     last; null where there is no such row
   */
  at(index) {
    if (index < 0 || index >= this.length) return null;
    const end = index + 1 < this.length ? this.#starts.at(index + 1) : this.end;
    return { start: this.#starts.at(index), end, top: this.#tops.at(index), full: this.#full.at(index) === 1 };
  }

  /** @param {number} picture  @returns {number} the index of the last row that begins with it or before, or -1 */
  holding(picture) {
    return lastWhere(this.length, (row) => this.#starts.at(row) <= picture);
  }

  /** @param {number} top  in pixels  @returns {number} the index of the last row that begins there or above, or -1 */
  above(top) {
    return lastWhere(this.length, (row) => this.#tops.at(row) <= top);
  }
}
