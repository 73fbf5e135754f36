// @ts-check
/** Asks again and again while the page is looked at, and more seldom while nobody answers. */

import { backoff } from "../backoff.js";

export class Poll {
  /** @type {(error: unknown) => void} */
  onerror = () => {};
  /** Asked in vain, in a row. */
  lost = 0;
  #on = false;
  /** @type {Promise<void> | null} */
  #asking = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {() => Promise<void>} ask
   * @param {number} every  milliseconds
   */
  constructor(ask, every) {
    this.ask = ask;
    this.every = every;
  }

  start() {
    this.#on = true;
    this.now();
  }

  stop() {
    this.#on = false;
    clearTimeout(this.#timer);
  }

  /** Ask at once, and go on as before; until there is an answer, or none. */
  async now() {
    clearTimeout(this.#timer);
    if (!this.#on) return;
    // Who asks while an answer is under way gets that one.
    await (this.#asking ??= this.#ask());
  }

  async #ask() {
    try {
      await this.ask();
      this.lost = 0;
    } catch (error) {
      this.lost += 1;
      this.onerror(error);
    } finally {
      this.#asking = null;
    }
    if (this.#on) this.#timer = setTimeout(() => this.now(), this.lost ? backoff(this.lost) : this.every);
  }
}
