// @ts-check
/** The picture that the others are like: shown above them, with what is known of it. */

import { part } from "./dom.js";
import { nameOf } from "./images.js";
import { PictureWatch } from "./picture_watch.js";
import { fillPicture } from "./tile.js";

/** @typedef {import("./images.js").DetailedImage} DetailedImage */

const MOVE = { duration: 280, easing: "cubic-bezier(0.2, 0, 0, 1)" };

/** Its parts are in the page, rendered by the server or empty. */
export class Question {
  /**
   * @param {HTMLElement} element
   * @param {readonly number[]} widths  the server's thumbnail widths, ascending
   */
  constructor(element, widths) {
    this.element = element;
    this.widths = widths;
  }

  /** @param {DetailedImage | null} image  null to show none */
  show(image) {
    this.element.hidden = image === null;
    if (image === null) return;
    for (const name of /** @type {const} */ (["creator", "date", "medium", "rights", "attribution"])) this.#fill(name, image[name]);
    this.#fill("title", image.title || nameOf(image));
    this.#fill("size", `${image.width} × ${image.height} pixels`);
    this.#link("home", image.pageUrl || image.url, "See it at");
    this.#link("original", image.pageUrl ? image.url : "", "Full picture at");
    this.#picture(image);
  }

  /** Put the focus on it, for those who read with the keyboard or a screen reader. */
  focus() {
    part(this.element, "h1").focus({ preventScroll: true });
  }

  /**
   * Let the picture come from where it was on the wall.
   *
   * @param {DOMRect} from  its place on the screen
   */
  arriveFrom(from) {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    const frame = part(this.element, ".question-picture");
    const to = frame.getBoundingClientRect();
    if (!from.width || !to.width) return;
    const move = `translate(${from.left - to.left}px, ${from.top - to.top}px)`;
    const scale = `scale(${from.width / to.width}, ${from.height / to.height})`;
    frame.animate([{ transformOrigin: "0 0", transform: `${move} ${scale}` }, { transformOrigin: "0 0", transform: "none" }], MOVE);
  }

  /** @param {DetailedImage} image */
  #picture(image) {
    // A fresh element: an old one would go on showing the picture before until this one has come.
    const old = part(this.element, "img");
    const picture = /** @type {HTMLImageElement} */ (old.cloneNode());
    part(this.element, ".look").setAttribute("href", `/image/${image.id}`);
    picture.classList.remove("loaded");
    const frame = part(this.element, ".question-picture");
    frame.style.backgroundColor = image.color;
    frame.style.setProperty("--ratio", String(image.width / image.height));
    const again = part(this.element, ".again");
    const fresh = again.cloneNode(true);
    fresh.hidden = true;
    again.replaceWith(fresh);
    picture.sizes = "min(100vw, 640px)";
    fillPicture(picture, image, this.widths);
    picture.alt = ""; // the heading beside it says its name
    new PictureWatch(picture, () => fresh).begin();
    old.replaceWith(picture);
  }

  /**
   * @param {string} name
   * @param {string} text  empty to hide the field
   */
  #fill(name, text) {
    const field = part(this.element, `[data-field="${name}"]`);
    field.textContent = text;
    (field.closest("[data-row]") ?? field).hidden = text === "";
  }

  /**
   * @param {string} name
   * @param {string} url   http or https, or empty to hide the link
   * @param {string} text  before the host's name
   */
  #link(name, url, text) {
    this.#fill(name, url && `${text} ${new URL(url).host}`);
    const link = part(this.element, `[data-field="${name}"]`);
    if (url) link.setAttribute("href", url);
    else link.removeAttribute("href");
  }
}
