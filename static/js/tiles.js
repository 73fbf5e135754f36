// @ts-check
/**
 * The wall's tiles: each a link with a thumbnail. One that is taken down is hung again with another picture, so that a
 * wall that is scrolled makes no elements, and none to be collected.
 *
 * The smallest thumbnail comes first, also where the screen could show more: so a wall that is scrolled has little to
 * fetch and to decode. One that is looked at is sharpened.
 */

import { copy, part } from "./dom.js";
import { nameOf, thumbnail } from "./images.js";
import { PictureWatch } from "./picture_watch.js";
import { srcsetOf } from "./tile.js";

/** @typedef {import("./images.js").DetailedImage} DetailedImage */
/** @typedef {{link: HTMLAnchorElement, picture: HTMLImageElement, watch: PictureWatch}} Parts */

/** So many wait to be hung again: as many as a large screen has, seen or near. */
const FREE_MOST = 400;
/** What the server says of a picture's loading, for the first screen. */
const FIRST = ["loading", "fetchpriority", "sizes", "width", "height", "data-sharp"];

export class Tiles {
  /** @type {HTMLLIElement[]} */
  #free = [];
  /** Of all that hang or may hang again. @type {Map<HTMLLIElement, Parts>} */
  #parts = new Map();

  /**
   * @param {HTMLTemplateElement} template  the page's markup of a tile
   * @param {readonly number[]} widths      the server's thumbnail widths, ascending
   */
  constructor(template, widths) {
    this.template = template;
    this.widths = widths;
  }

  /**
   * @param {DetailedImage} image
   * @returns {HTMLLIElement} a tile of it, not in the page yet
   */
  make(image) {
    const tile = this.#free.pop() ?? /** @type {HTMLLIElement} */ (copy(this.template));
    const { link, picture } = this.#partsOf(tile);
    const id = String(image.id);
    tile.setAttribute("data-id", id);
    link.setAttribute("href", `/similar/${id}`);
    picture.alt = nameOf(image);
    picture.src = thumbnail(image, this.widths[0]);
    this.equip(tile, image);
    return tile;
  }

  /**
   * Give a tile, made here or by the server, its behaviour.
   *
   * @param {HTMLLIElement} tile
   * @param {DetailedImage} image
   */
  equip(tile, image) {
    tile.style.backgroundColor = image.color;
    this.#partsOf(tile).watch.begin();
  }

  /**
   * Give the tile's picture, which has come, as many pixels as the screen shows.
   *
   * @param {HTMLLIElement} tile
   * @param {{id: number}} image
   * @param {number} width  of its box, in pixels
   */
  sharpen(tile, image, width) {
    const { widths } = this;
    const { picture } = this.#partsOf(tile);
    if (width * devicePixelRatio <= widths[0] || widths.length < 2 || !picture.classList.contains("loaded")) return;
    if (picture.dataset.sharp === String(width)) return;
    picture.dataset.sharp = String(width);
    picture.sizes = `${width}px`;
    picture.decoding = "sync"; // else the box would be empty for a moment between the two
    picture.srcset = srcsetOf(image, widths);
  }

  /**
   * Say what a picture is called, once that is known.
   *
   * @param {HTMLLIElement} tile
   * @param {DetailedImage} image
   */
  name(tile, image) {
    this.#partsOf(tile).picture.alt = nameOf(image);
  }

  /**
   * Out of the page, empty, to be hung again.
   *
   * @param {HTMLLIElement} tile
   */
  takeDown(tile) {
    tile.remove();
    const { link, picture, watch } = this.#partsOf(tile);
    watch.end();
    // One that is still moving would go on doing so with its next picture.
    if (this.#free.length === FREE_MOST || tile.hasAttribute("data-moving")) {
      this.#parts.delete(tile);
      return;
    }
    while (tile.lastChild !== link) tile.lastChild?.remove(); // buttons and captions, which are hung elsewhere
    while (link.lastChild !== picture) link.lastChild?.remove();
    tile.className = "tile";
    picture.decoding = "async";
    for (const name of FIRST) if (picture.hasAttribute(name)) picture.removeAttribute(name);
    this.#free.push(tile);
  }

  /**
   * @param {HTMLLIElement} tile
   * @returns {Parts}
   */
  #partsOf(tile) {
    let parts = this.#parts.get(tile);
    if (!parts) {
      const picture = part(tile, "img");
      parts = { link: part(tile, "a"), picture, watch: new PictureWatch(picture, () => offerAgain(tile)) };
      this.#parts.set(tile, parts);
    }
    return parts;
  }
}

/** @param {HTMLLIElement} tile */
function offerAgain(tile) {
  const button = document.createElement("button");
  button.className = "again";
  button.type = "button";
  button.textContent = "Try again";
  button.hidden = true;
  part(tile, "a").after(button);
  return button;
}
