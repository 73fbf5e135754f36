// @ts-check
/**
 * Records of the pictures near the screen: asked for again where they have been let go, let go where the screen has gone
 * from. So a wall that never ends holds a few hundred of them.
 */

import { call } from "./api.js";
import { backoff } from "./backoff.js";
import { readImages } from "./images.js";

/** @typedef {import("./images.js").DetailedImage} DetailedImage */
/** @typedef {import("./pictures.js").Pictures} Pictures */

/** Records are kept of so many pictures on either side of those that have tiles. */
const KEPT = 300;
/** So many more come together before they are looked through. */
const SLACK = 300;
/** Who scrolls back finds so many known beyond those that have tiles. */
const AHEAD = 60;
/** As many as the server tells of at once. */
const AT_ONCE = 200;

/**
 * @param {readonly number[]} ids  AT_ONCE at most
 * @returns {Promise<DetailedImage[]>} of those that are in the collection
 */
async function fetchImages(ids) {
  return readImages((await call(`/api/images?ids=${ids.join(",")}`)).results);
}

export class Nearby {
  /** @type {(pictures: Pictures) => void} called when more is known of some */
  onlearnt = () => {};
  /** @type {Pictures | null} */
  #pictures = null;
  #from = 0;
  #to = 0;
  #asking = false;
  #failures = 0;
  /** Asked for in vain: not in the collection any more. @type {Set<number>} */
  #vain = new Set();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #again;

  /** @param {{fetch?: typeof fetchImages, wait?: (failures: number) => number}} [options]  for tests */
  constructor({ fetch = fetchImages, wait = backoff } = {}) {
    this.fetch = fetch;
    this.wait = wait;
  }

  /**
   * The screen is here now.
   *
   * @param {Pictures} pictures
   * @param {number} from  the first that has a tile
   * @param {number} to    the one behind the last
   */
  attend(pictures, from, to) {
    if (pictures !== this.#pictures) this.#vain.clear();
    this.#pictures = pictures;
    this.#from = from;
    this.#to = to;
    if (pictures.known > to - from + 2 * KEPT + SLACK) pictures.keep(from - KEPT, to + KEPT);
    if (this.#unknown(0).length > 0) this.#ask();
  }

  /** @param {number} margin  on either side */
  #unknown(margin) {
    const ids = this.#pictures?.unknown(this.#from - margin, this.#to + margin) ?? [];
    return ids.filter((id) => !this.#vain.has(id)).slice(0, AT_ONCE);
  }

  async #ask() {
    const pictures = this.#pictures;
    if (this.#asking || this.#again !== undefined || !pictures) return;
    const ids = [...new Set([...this.#unknown(0), ...this.#unknown(AHEAD)])].slice(0, AT_ONCE);
    if (ids.length === 0) return;
    this.#asking = true;
    try {
      const images = await this.fetch(ids);
      this.#failures = 0;
      pictures.learn(images);
      const found = new Set(images.map(({ id }) => id));
      if (pictures === this.#pictures) for (const id of ids) if (!found.has(id)) this.#vain.add(id);
      this.onlearnt(pictures);
    } catch {
      this.#failures += 1;
      this.#again = setTimeout(() => {
        this.#again = undefined;
        this.#ask();
      }, this.wait(this.#failures));
    }
    this.#asking = false;
    if (this.#unknown(0).length > 0) this.#ask();
  }
}
