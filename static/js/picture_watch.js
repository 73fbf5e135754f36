// @ts-check
/** What becomes of a picture in the page: shown when it has come, asked for again when it has not. */

import { backoff } from "./backoff.js";

const TRIES = 4;
/** A picture that comes as soon as this is there at once, in milliseconds; a later one fades in. */
const AT_ONCE = 300;

/** Of one element, which may show one picture after another. */
export class PictureWatch {
  #on = false;
  #since = 0;
  #failures = 0;
  #waiting = false;
  /** What is asked for, without what tells one try from the next. */
  #asked = { src: "", srcset: "" };
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {HTMLButtonElement | null} */
  #again = null;

  /**
   * @param {HTMLImageElement} picture
   * @param {() => HTMLButtonElement} button  the one that offers to try again, hidden
   */
  constructor(picture, button) {
    this.picture = picture;
    this.button = button;
    picture.addEventListener("load", this);
    picture.addEventListener("error", this);
  }

  /** The picture that it asks for now is another, or the first. */
  begin() {
    const { picture } = this;
    this.#on = true;
    this.#since = performance.now();
    this.#failures = 0;
    this.#asked.src = picture.getAttribute("src") ?? "";
    this.#asked.srcset = picture.srcset;
    if (!picture.complete) return;
    if (picture.naturalWidth > 0) this.#loaded();
    else if (picture.currentSrc) this.#failed();
  }

  /** Nothing is shown: what has not come is not waited for, others want the line. */
  end() {
    const { picture } = this;
    this.#on = false;
    clearTimeout(this.#timer);
    this.#waiting = false;
    this.#again?.remove();
    this.#again = null;
    picture.removeAttribute("srcset");
    picture.removeAttribute("src");
    picture.className = "";
  }

  /** @param {Event} event */
  handleEvent({ type }) {
    // What is told of the picture before comes when this one is still on its way.
    if (!this.#on || !this.picture.complete) return;
    if (type === "load") this.#loaded();
    else this.#failed();
  }

  #loaded() {
    const { classList } = this.picture;
    if (performance.now() - this.#since > AT_ONCE) classList.add("late");
    classList.add("loaded");
  }

  #failed() {
    if (this.#waiting) return; // the browser may report one failure twice, and other sizes of a picture on their own
    this.#waiting = true;
    this.#failures += 1;
    if (this.#failures % TRIES === 0) this.#offer();
    else this.#timer = setTimeout(() => this.picture.isConnected && this.#retry(), backoff(this.#failures % TRIES, { first: 0.5 }));
  }

  #retry() {
    const { src, srcset } = this.#asked;
    this.#waiting = false;
    if (this.#again) this.#again.hidden = true;
    if (srcset) this.picture.srcset = srcset.replaceAll(/(\/\d+)(?= \d+w)/g, `$1?again=${this.#failures}`);
    this.picture.src = `${src}?again=${this.#failures}`;
  }

  #offer() {
    if (!this.#again) {
      this.#again = this.button();
      this.#again.addEventListener("click", () => this.#retry());
    }
    this.#again.hidden = false;
  }
}
