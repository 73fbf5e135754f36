// @ts-check
/** Thumbnails for the canvas: only those that are wanted now, a few at a time, and not more kept than fit. */

const AT_ONCE = 8;
const KEPT = 900;
const WAIT_AFTER_FAILURE = 20_000;

/**
 * @typedef {object} Thumb
 * @property {ImageBitmap} bitmap
 * @property {number} since  when it came, milliseconds as `performance.now` gives them
 */

export class Thumbs {
  /** @type {() => void} one has come */
  onload = () => {};
  /** @type {Map<number, Thumb>} the latest used last */
  #kept = new Map();
  /** @type {Map<number, AbortController>} */
  #coming = new Map();
  /** @type {Map<number, number>} when those that failed may be asked for again */
  #failed = new Map();
  /** @type {number[]} nearest to the middle first */
  #wanted = [];

  /**
   * @param {number} width  one of the server's thumbnail widths
   * @param {number} side   pixels that the longer side of a bitmap has at most
   */
  constructor(width, side) {
    this.width = width;
    this.side = side;
  }

  /**
   * @param {number} id
   * @returns {Thumb | undefined}
   */
  get(id) {
    return this.#kept.get(id);
  }

  /**
   * These are on the screen; what else is still coming is given up.
   *
   * @param {number[]} ids  the most important first
   */
  want(ids) {
    const wanted = new Set(ids);
    for (const [id, controller] of this.#coming) if (!wanted.has(id)) controller.abort();
    for (const id of ids) {
      const thumb = this.#kept.get(id);
      if (!thumb) continue;
      this.#kept.delete(id);
      this.#kept.set(id, thumb);
    }
    this.#wanted = ids;
    this.#next();
  }

  #next() {
    const now = performance.now();
    for (const id of this.#wanted) {
      if (this.#coming.size >= AT_ONCE) return;
      if (this.#kept.has(id) || this.#coming.has(id) || (this.#failed.get(id) ?? 0) > now) continue;
      this.#load(id);
    }
  }

  /** @param {number} id */
  async #load(id) {
    const controller = new AbortController();
    this.#coming.set(id, controller);
    try {
      const response = await fetch(addressOf(id, this.width), { signal: controller.signal });
      if (!response.ok) throw new Error(`${response.status}`);
      this.#keep(id, await shrunk(await response.blob(), this.side));
      this.onload();
    } catch {
      if (!controller.signal.aborted) this.#failed.set(id, performance.now() + WAIT_AFTER_FAILURE);
      if (this.#failed.size > KEPT) this.#failed.clear();
    } finally {
      this.#coming.delete(id);
      this.#next();
    }
  }

  /**
   * @param {number} id
   * @param {ImageBitmap} bitmap
   */
  #keep(id, bitmap) {
    this.#kept.set(id, { bitmap, since: performance.now() });
    for (const [oldest, thumb] of this.#kept) {
      if (this.#kept.size <= KEPT) break;
      this.#kept.delete(oldest);
      thumb.bitmap.close();
    }
  }
}

/**
 * @param {number} id
 * @param {number} width  one of the server's thumbnail widths
 */
export function addressOf(id, width) {
  return `/thumbs/${id}/${width}`;
}

/**
 * @param {Blob} blob
 * @param {number} side
 * @returns {Promise<ImageBitmap>}
 */
async function shrunk(blob, side) {
  const whole = await createImageBitmap(blob);
  const share = side / Math.max(whole.width, whole.height);
  if (share >= 1) return whole;
  const small = await createImageBitmap(whole, {
    resizeWidth: Math.max(1, Math.round(whole.width * share)),
    resizeHeight: Math.max(1, Math.round(whole.height * share)),
    resizeQuality: "medium",
  });
  whole.close();
  return small;
}
