// @ts-check
/** One picture in a frame: its thumbnail at once, and the full picture from its home in its place when that has come. */

import { part } from "../dom.js";
import { nameOf } from "../images.js";
import { PictureWatch } from "../picture_watch.js";
import { fillPicture } from "../tile.js";
import { WHOLE, frameOf } from "./zoom.js";

/** @typedef {import("../images.js").DetailedImage} DetailedImage */
/** @typedef {import("./zoom.js").Frame} Frame */
/** @typedef {import("./zoom.js").Zoom} Zoom */
/** @typedef {"none" | "coming" | "there" | "failed"} FullState  `none`: it is not asked for */

export class Pane {
  /** @type {FullState} */
  full = "none";
  /** @type {() => void} called after `full` has changed */
  onfull = () => {};
  /** @type {DetailedImage | null} */
  image = null;
  /** @type {Frame} */
  frame = frameOf({ width: 1, height: 1 }, { width: 1, height: 1 });

  /**
   * @param {HTMLElement} element            as the template has it
   * @param {readonly number[]} widths       the server's thumbnail widths, ascending
   */
  constructor(element, widths) {
    this.element = element;
    this.widths = widths;
    this.picture = part(element, ".pane-picture");
  }

  /** @param {DetailedImage} image */
  show(image) {
    this.image = image;
    this.full = "none";
    const old = part(this.element, ".pane-thumbnail");
    const again = part(this.element, ".again");
    const thumbnail = /** @type {HTMLImageElement} */ (old.cloneNode());
    const fresh = again.cloneNode(true);
    fresh.hidden = true;
    again.replaceWith(fresh);
    part(this.element, ".pane-full").replaceWith(this.#blank());
    this.picture.style.backgroundColor = image.color;
    this.fit();
    thumbnail.classList.remove("loaded");
    thumbnail.sizes = `${Math.ceil(this.frame.base.width)}px`;
    fillPicture(thumbnail, image, this.widths);
    new PictureWatch(thumbnail, () => fresh).begin();
    old.replaceWith(thumbnail);
  }

  /** Measure the frame anew. */
  fit() {
    const { clientWidth, clientHeight } = this.element;
    const size = { width: Math.max(1, clientWidth), height: Math.max(1, clientHeight) };
    this.frame = frameOf(this.image ?? size, size);
    this.picture.style.width = `${this.frame.base.width}px`;
    this.picture.style.height = `${this.frame.base.height}px`;
    this.apply(WHOLE);
  }

  /** @param {Zoom} zoom */
  apply({ scale, x, y }) {
    this.picture.style.transform = `translate(-50%, -50%) translate(${x}px, ${y}px) scale(${scale})`;
  }

  /** Ask the picture's home for it, unless that has been done. The home is told neither who asks nor from where. */
  async load() {
    const { image } = this;
    if (!image?.url || this.full === "coming" || this.full === "there") return;
    const picture = this.#blank();
    part(this.element, ".pane-full").replaceWith(picture);
    this.#enter("coming");
    picture.alt = nameOf(image);
    picture.src = image.url;
    try {
      await picture.decode();
      if (!picture.isConnected) return; // another picture has taken its place
      picture.hidden = false;
      part(this.element, ".pane-thumbnail").alt = ""; // said once
      this.#enter("there");
    } catch {
      if (picture.isConnected) this.#enter("failed");
    }
  }

  /** Stop what is on its way. */
  clear() {
    part(this.element, ".pane-full").replaceWith(this.#blank());
    this.image = null;
    this.full = "none";
  }

  #blank() {
    const picture = document.createElement("img");
    picture.className = "pane-full";
    picture.referrerPolicy = "no-referrer";
    picture.decoding = "async";
    picture.draggable = false;
    picture.alt = "";
    picture.hidden = true;
    return picture;
  }

  /** @param {FullState} state */
  #enter(state) {
    this.full = state;
    this.onfull();
  }
}
