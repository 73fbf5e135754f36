// @ts-check
/** The card that says what a dot is: picture, title, creator. */

import { part, tell } from "../dom.js";
import { nameOf } from "../images.js";
import { addressOf } from "./thumbs.js";

/** @typedef {import("./names.js").Names} Names */
/** @typedef {import("./view.js").Size} Size */

const GAP = 18;
const EDGE = 8;

export class Card {
  #id = 0;

  /**
   * @param {HTMLElement} element
   * @param {Names} names
   * @param {number} width  one of the server's thumbnail widths
   */
  constructor(element, names, width) {
    this.element = element;
    this.names = names;
    this.width = width;
    this.picture = /** @type {HTMLImageElement} */ (part(element, "img"));
    this.picture.addEventListener("load", () => this.picture.classList.add("loaded"));
  }

  /** The id of the picture that it shows, 0 for none. */
  get id() {
    return this.element.hidden ? 0 : this.#id;
  }

  /**
   * @param {number} id
   * @param {number} x  where the picture is, CSS pixels
   * @param {number} y
   * @param {Size} size  of the map
   * @returns {Promise<string>} what it is called, empty when that is not known or something else is shown by then
   */
  async show(id, x, y, size) {
    if (id !== this.#id) {
      this.#id = id;
      this.element.setAttribute("href", `/similar/${id}`);
      this.picture.classList.remove("loaded");
      this.picture.src = addressOf(id, this.width);
      tell(this.element, ".card-title", "");
      tell(this.element, ".card-creator", "");
    }
    this.element.hidden = false;
    this.#place(x, y, size);
    const image = await this.names.of(id);
    if (id !== this.#id || !image) return "";
    tell(this.element, ".card-title", image.title || nameOf(image));
    tell(this.element, ".card-creator", image.title ? image.creator : "");
    this.picture.style.aspectRatio = `${image.width} / ${image.height}`;
    this.#place(x, y, size);
    return nameOf(image);
  }

  hide() {
    this.element.hidden = true;
  }

  /**
   * Beside the place where there is room, else above or below it: never over it.
   *
   * @param {number} x
   * @param {number} y
   * @param {Size} size
   */
  #place(x, y, size) {
    const { offsetWidth: width, offsetHeight: height } = this.element;
    const right = x + GAP;
    const left = x - GAP - width;
    const above = y - GAP - height;
    const aside = right + width <= size.width - EDGE ? right : left >= EDGE ? left : null;
    const at = aside ?? x - width / 2;
    const top = aside !== null ? y - height / 2 : above >= EDGE ? above : y + GAP;
    this.element.style.left = `${Math.max(EDGE, Math.min(at, size.width - width - EDGE))}px`;
    this.element.style.top = `${aside === null ? top : Math.max(EDGE, Math.min(top, size.height - height - EDGE))}px`;
  }
}
