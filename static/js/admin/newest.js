// @ts-check
/** The last pictures of each source: as they were when asked for, and as they come in since. */

import { readImage } from "../images.js";

/** @typedef {import("../images.js").DetailedImage} DetailedImage */

const KEPT = 8;
const SOURCES_MOST = 500;

export class Newest {
  /** @type {Map<string, DetailedImage[]>} the last first */
  #bySource = new Map();

  /** @param {string} source */
  of(source) {
    return this.#bySource.get(source) ?? [];
  }

  /**
   * @param {string} source
   * @param {readonly unknown[]} images  as the API gives them, the last first
   */
  know(source, images) {
    this.#keep(source, [...this.of(source), ...images.map(readImage).filter((image) => image !== null)]);
  }

  /** @param {any} raw  an image that has just come in */
  add(raw) {
    const image = readImage(raw);
    if (image && typeof raw.source === "string") this.#keep(raw.source, [image, ...this.of(raw.source)]);
  }

  /** @param {unknown} id */
  remove(id) {
    for (const [source, images] of this.#bySource) {
      if (images.some((image) => image.id === id)) {
        this.#bySource.set(source, images.filter((image) => image.id !== id));
      }
    }
  }

  /**
   * @param {string} source
   * @param {DetailedImage[]} images  perhaps with some twice
   */
  #keep(source, images) {
    const once = new Map(images.map((image) => [image.id, image]));
    const latest = [...once.values()].sort((one, other) => other.id - one.id).slice(0, KEPT);
    this.#bySource.delete(source);
    this.#bySource.set(source, latest);
    if (this.#bySource.size > SOURCES_MOST) this.#bySource.delete([...this.#bySource.keys()][0]);
  }
}
