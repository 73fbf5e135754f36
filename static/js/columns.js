// @ts-check
/** A long list of numbers, a few bytes each: what is known of every picture and row of a wall that never ends. */

/** @typedef {Float64Array | Float32Array | Uint32Array | Uint16Array | Uint8Array} Numbers */

const FIRST_ROOM = 64;
/** Room for so many times as many when there is none left: most of it is used, and little is copied. */
const GROWTH = 1.5;

/** @template {Numbers} T */
export class Column {
  length = 0;

  /** @param {{new (length: number): T}} type  what the numbers are held as */
  constructor(type) {
    this.type = type;
    this.room = new type(FIRST_ROOM);
  }

  /** @returns {T} the numbers, until the next is added */
  get values() {
    return /** @type {T} */ (this.room.subarray(0, this.length));
  }

  /** @param {number} index  of one that is there */
  at(index) {
    return this.room[index];
  }

  /** @param {number} value */
  push(value) {
    if (this.length === this.room.length) {
      const { room } = this;
      this.room = new this.type(Math.ceil(room.length * GROWTH));
      this.room.set(room);
    }
    this.room[this.length] = value;
    this.length += 1;
  }

  /**
   * Take one out: those behind it move up.
   *
   * @param {number} index
   */
  remove(index) {
    if (index >= this.length) return;
    this.room.copyWithin(index, index + 1, this.length);
    this.length -= 1;
  }
}

/**
 * The last index of which a condition holds that holds for the first ones and for none behind them.
 *
 * @param {number} length
 * @param {(index: number) => boolean} holds
 * @returns {number} -1 when it holds for none
 */
export function lastWhere(length, holds) {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(middle)) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
