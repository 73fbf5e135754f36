// @ts-check
/** What pictures are called, asked of the server when somebody looks at them, and kept for a while. */

import { call } from "../api.js";
import { readImage } from "../images.js";

/** @typedef {import("../images.js").DetailedImage} DetailedImage */

const KEPT = 500;
const AT_ONCE = 4;

export class Names {
  /** @type {Map<number, Promise<DetailedImage | null>>} */
  #kept = new Map();
  #busy = 0;
  /** @type {(() => void)[]} */
  #waiting = [];

  /**
   * @param {number} id
   * @returns {Promise<DetailedImage | null>} null when it is gone or cannot be had now
   */
  of(id) {
    const kept = this.#kept.get(id) ?? this.#ask(id);
    this.#kept.delete(id);
    this.#kept.set(id, kept);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > KEPT) this.#kept.delete(oldest);
    return kept;
  }

  /** @param {number} id */
  async #ask(id) {
    while (this.#busy >= AT_ONCE) await new Promise((resolve) => this.#waiting.push(() => resolve(null)));
    this.#busy += 1;
    try {
      return readImage(await call(`/api/images/${id}`));
    } catch {
      this.#kept.delete(id);
      return null;
    } finally {
      this.#busy -= 1;
      this.#waiting.shift()?.();
    }
  }
}
