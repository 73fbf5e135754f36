// @ts-check
/**
 * The pictures of a wall, in their order. Of every one it keeps what its place and its tile need, in some twenty bytes;
 * the records, with all their texts, of those alone that are near the screen. No DOM.
 */

import { Column } from "./columns.js";

/** @typedef {import("./images.js").DetailedImage} DetailedImage */

/**
 * Enough to come back from. What most pictures do not have ends with the last that has it.
 *
 * @typedef {object} Saved
 * @property {number[]} ids
 * @property {number[]} ratios
 * @property {number[]} colors             0xrrggbb
 * @property {(number | null)[]} scores
 * @property {number[]} near               duplicates
 */

const MOST_NEAR = 0xffff;
/** Digits that tell one float32 from all others. */
const DIGITS = 9;
/** The height of a picture of which nothing but its shape is known: any will do. */
const ANY_HEIGHT = 1_000;

export class Pictures {
  #ids = new Column(Float64Array);
  #ratios = new Column(Float32Array);
  #colors = new Column(Uint32Array);
  #scores = new Column(Float32Array);
  #near = new Column(Uint16Array);
  /** @type {Map<number, DetailedImage>} by id */
  #records = new Map();

  get length() {
    return this.#ids.length;
  }

  /** Width over height of each, until the next is added. */
  get ratios() {
    return this.#ratios.values;
  }

  /** How many records it holds. */
  get known() {
    return this.#records.size;
  }

  /** @param {DetailedImage} image  to put behind the others */
  push(image) {
    const { id, width, height, color, score, nearDuplicates } = image;
    this.#push({ id, ratio: width / height, color: parseInt(color?.slice(1), 16), score, near: nearDuplicates });
    this.#records.set(id, image);
  }

  /** @param {number} index */
  remove(index) {
    this.#records.delete(this.id(index));
    for (const column of [this.#ids, this.#ratios, this.#colors, this.#scores, this.#near]) column.remove(index);
  }

  /** @param {number} index  of one that is there */
  id(index) {
    return this.#ids.at(index);
  }

  /**
   * @param {number} id
   * @returns {number} -1 when it is not there
   */
  indexOf(id) {
    return this.#ids.values.indexOf(id);
  }

  /**
   * @param {number} index
   * @returns {DetailedImage | undefined} all that is known of it, while it is near
   */
  at(index) {
    return index >= 0 && index < this.length ? this.#records.get(this.id(index)) : undefined;
  }

  /**
   * @param {number} id
   * @returns {DetailedImage | undefined} all that is known of it, while it is near
   */
  recall(id) {
    return this.#records.get(id);
  }

  /**
   * @param {number} index  of one that is there
   * @returns {DetailedImage} what is known of it, at the least its shape and its colour
   */
  outline(index) {
    const known = this.at(index);
    if (known) return known;
    return {
      id: this.id(index),
      width: this.#ratios.at(index) * ANY_HEIGHT,
      height: ANY_HEIGHT,
      color: `#${this.#colors.at(index).toString(16).padStart(6, "0")}`,
      ...this.#rank(index),
      ...{ title: "", creator: "", date: "", medium: "", rights: "", attribution: "", url: "", pageUrl: "" },
    };
  }

  /**
   * @param {number} from
   * @param {number} to    the one behind the last
   * @returns {number[]} the ids of those there of which nothing but their outline is known
   */
  unknown(from, to) {
    const ids = [];
    for (let index = Math.max(0, from); index < Math.min(to, this.length); index++) {
      if (!this.#records.has(this.id(index))) ids.push(this.id(index));
    }
    return ids;
  }

  /**
   * Take records in again. What only the answer told that they came in stays as it was.
   *
   * @param {DetailedImage[]} images
   */
  learn(images) {
    for (const image of images) {
      const index = this.indexOf(image.id);
      if (index >= 0) this.#records.set(image.id, { ...image, ...this.#rank(index) });
    }
  }

  /**
   * Let the records go of all but these.
   *
   * @param {number} from
   * @param {number} to    the one behind the last
   */
  keep(from, to) {
    const kept = new Map();
    for (let index = Math.max(0, from); index < Math.min(to, this.length); index++) {
      const record = this.at(index);
      if (record) kept.set(record.id, record);
    }
    this.#records = kept;
  }

  /** @returns {Saved} */
  toJSON() {
    return {
      ids: [...this.#ids.values],
      ratios: Array.from(this.#ratios.values, (ratio) => Number(ratio.toPrecision(DIGITS))),
      colors: [...this.#colors.values],
      scores: Array.from(this.#scores.values, (score) => (Number.isNaN(score) ? null : Number(score.toPrecision(DIGITS)))),
      near: [...this.#near.values],
    };
  }

  /** @param {Saved} saved  what `toJSON` gave */
  static fromJSON({ ids, ratios, colors, scores, near }) {
    const pictures = new Pictures();
    for (const [index, id] of ids.entries()) {
      pictures.#push({ id, ratio: ratios[index], color: colors[index], score: scores[index] ?? null, near: near[index] });
    }
    return pictures;
  }

  /** @param {{id: number, ratio: number, color: number, score: number | null, near: number | undefined}} picture */
  #push({ id, ratio, color, score, near }) {
    const { length } = this;
    this.#ids.push(id);
    this.#ratios.push(ratio);
    this.#colors.push(color);
    if (score !== null && score !== undefined) set(this.#scores, length, score, NaN);
    if (near) set(this.#near, length, Math.min(near, MOST_NEAR), 0);
  }

  /** @param {number} index */
  #rank(index) {
    const score = index < this.#scores.length ? this.#scores.at(index) : NaN;
    const nearDuplicates = index < this.#near.length ? this.#near.at(index) : 0;
    return { score: Number.isNaN(score) ? null : score, nearDuplicates };
  }
}

/**
 * @param {Column<any>} column  that may end before the index
 * @param {number} index
 * @param {number} value
 * @param {number} none        for those between
 */
function set(column, index, value, none) {
  while (column.length < index) column.push(none);
  column.push(value);
}
