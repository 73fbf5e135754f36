// @ts-check
/** Pictures that came in since the page was opened: all counted, the latest kept. */

/** @typedef {import("./images.js").DetailedImage} DetailedImage */

export class Arrivals {
  count = 0;
  /** @type {DetailedImage[]} */
  #latest = [];

  /** @param {number} [bound]  how many pictures are kept */
  constructor(bound = 300) {
    this.bound = bound;
  }

  /** @param {DetailedImage} image */
  add(image) {
    this.count += 1;
    this.#latest.push(image);
    if (this.#latest.length > this.bound) this.#latest.shift();
  }

  /**
   * What came after a mark, which is an earlier `count`.
   *
   * @param {number} mark
   * @returns {{images: DetailedImage[], missed: number}} oldest first, and how many more were not kept
   */
  since(mark) {
    const wanted = Math.max(0, this.count - mark);
    const images = wanted ? this.#latest.slice(-wanted) : [];
    return { images, missed: wanted - images.length };
  }
}
