// @ts-check
/** How fast the page is scrolled, and when it has come to rest. */

/** Nothing has moved for so long, in milliseconds: the page is looked at. */
const STILL = 200;

export class Pace {
  /** Pixels a millisecond, downwards. */
  speed = 0;
  #asked = false;
  #last = { at: 0, scroll: 0 };
  #disturbed = 0;
  #watching = false;
  // One function each, and not one a frame: whoever scrolls leaves little behind.
  #frame = (/** @type {number} */ at) => this.#moved(at);
  #look = () => this.#settle();

  /**
   * @param {() => void} onmove  called at most once a frame while the page is scrolled
   * @param {() => void} onrest  called when it is not any more
   */
  constructor(onmove, onrest) {
    this.onmove = onmove;
    this.onrest = onrest;
    addEventListener("scroll", () => this.ask(), { passive: true });
  }

  /** Something has happened: rest a while longer. */
  disturb() {
    this.#disturbed = performance.now();
    if (this.#watching) return;
    this.#watching = true;
    setTimeout(this.#look, STILL);
  }

  /** Call `onmove` in the next frame. */
  ask() {
    if (this.#asked) return;
    this.#asked = true;
    requestAnimationFrame(this.#frame);
  }

  /** @param {number} at */
  #moved(at) {
    this.#asked = false;
    this.speed = Math.max(0, scrollY - this.#last.scroll) / Math.max(1, at - this.#last.at);
    this.#last.at = at;
    this.#last.scroll = scrollY;
    this.onmove();
    this.disturb();
  }

  #settle() {
    const left = this.#disturbed + STILL - performance.now();
    this.#watching = left > 0;
    if (left > 0) {
      setTimeout(this.#look, left);
      return;
    }
    this.speed = 0;
    this.onrest();
  }
}
