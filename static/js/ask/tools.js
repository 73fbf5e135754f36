// @ts-check
/**
 * More like this, less like this, or picked together with others: for the picture under the pointer, with the focus, or
 * under a finger that stays. One set of buttons moves between the pictures.
 */

import { copy, matchList, part, tell } from "../dom.js";
import { counted } from "../format.js";
import { nameOf } from "../images.js";

/** @typedef {import("../images.js").DetailedImage} DetailedImage */

/** The event that tells which tile the buttons have come to. */
export const SHOWN = "toolsshown";
const LONG_PRESS = 450;
/** Who rests on a picture for so long, in milliseconds, may ask by it next. */
const LINGERING = 100;
const SLOP = 12;
const PICKED_MOST = 12;
/** @type {Record<string, string>} */
const KEYS = { "+": "more", "=": "more", "-": "less", x: "pick" };

export class Tools {
  /** @type {(images: DetailedImage[], away: boolean) => void} */
  onask = () => {};
  /** @type {(image: DetailedImage) => void} called when a picture is likely to be asked by in a moment */
  onlikely = () => {};
  /** @type {(image: DetailedImage) => string} the address that opens it, also in another tab */
  addressOf = ({ id }) => `/similar/${id}`;
  /** Whether there is a question that "less like this" can be said to. */
  asking = false;
  /** @type {Map<number, DetailedImage>} */
  #picked = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #pressing;
  #press = { x: 0, y: 0, long: false };
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #lingering;

  /**
   * @param {HTMLElement} wall
   * @param {(element: Element | null) => DetailedImage | undefined} imageOf  the picture that something in the wall is in
   * @param {HTMLTemplateElement} template    of the buttons
   * @param {HTMLElement} tray                where picked pictures are shown
   * @param {HTMLTemplateElement} pickedOne   one of them
   * @param {number} width                    the smallest thumbnails' width
   */
  constructor(wall, imageOf, template, tray, pickedOne, width) {
    this.wall = wall;
    this.imageOf = imageOf;
    this.bar = copy(template);
    this.tray = tray;
    this.pickedOne = pickedOne;
    this.width = width;
    wall.addEventListener("pointerover", (event) => event.pointerType === "mouse" && this.#attach(event.target));
    wall.addEventListener("pointerleave", () => !this.bar.contains(document.activeElement) && this.#attach(document.activeElement));
    wall.addEventListener("focusin", (event) => this.#attach(event.target));
    wall.addEventListener("keydown", (event) => this.#key(event));
    wall.addEventListener("pointerdown", (event) => this.#down(event));
    wall.addEventListener("pointermove", (event) => this.#moved(event), { passive: true });
    for (const end of ["pointerup", "pointercancel"]) wall.addEventListener(end, () => clearTimeout(this.#pressing));
    wall.addEventListener("contextmenu", (event) => this.#press.long && event.preventDefault());
    wall.addEventListener("click", (event) => this.#swallow(event), { capture: true });
    this.bar.addEventListener("click", (event) => this.#click(event));
    tray.addEventListener("click", (event) => this.#trayClick(event));
  }

  /**
   * Mark a tile that has come into the page.
   *
   * @param {HTMLElement} tile
   * @param {number} id  of its picture
   */
  mark(tile, id) {
    if (this.#picked.has(id)) tile.classList.add("picked");
  }

  #markAll() {
    for (const tile of this.wall.querySelectorAll(".tile")) {
      tile.classList.toggle("picked", this.#picked.has(Number(/** @type {HTMLElement} */ (tile).dataset.id)));
    }
  }

  /** @param {EventTarget | null} target */
  #attach(target) {
    const tile = target instanceof Element ? target.closest(".tile") : null;
    const image = this.imageOf(tile);
    clearTimeout(this.#lingering);
    if (!tile || !this.wall.contains(tile) || !image) return this.bar.remove();
    this.#lingering = setTimeout(() => tile.isConnected && this.onlikely(image), LINGERING);
    if (this.bar.parentElement !== tile) {
      tile.append(this.bar);
      tile.dispatchEvent(new Event(SHOWN, { bubbles: true }));
    }
    this.#refresh();
    part(tile, "a").setAttribute("href", this.addressOf(image));
  }

  #refresh() {
    const image = this.imageOf(this.bar);
    if (!image) return;
    const picked = this.#picked.has(image.id);
    part(this.bar, '[data-act="pick"]').setAttribute("aria-pressed", String(picked));
    part(this.bar, '[data-act="less"]').hidden = !this.asking;
    this.bar.setAttribute("aria-label", `Ask by ${nameOf(image)}`);
  }

  /** @param {MouseEvent} event */
  #click(event) {
    const button = event.target instanceof Element ? event.target.closest("button") : null;
    const image = this.imageOf(this.bar);
    event.stopPropagation();
    if (button && image) this.#act(image, button.dataset.act ?? "");
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const act = KEYS[event.key];
    const image = this.imageOf(event.target instanceof Element ? event.target : null);
    if (!act || !image || event.ctrlKey || event.metaKey || event.altKey) return;
    if (act === "less" && !this.asking) return;
    event.preventDefault();
    this.#act(image, act);
  }

  /**
   * @param {DetailedImage} image
   * @param {string} act
   */
  #act(image, act) {
    if (act !== "pick") return this.onask([image], act === "less");
    if (!this.#picked.delete(image.id) && this.#picked.size < PICKED_MOST) this.#picked.set(image.id, image);
    this.#showTray();
  }

  #showTray() {
    const images = [...this.#picked.values()];
    this.tray.hidden = images.length === 0;
    tell(this.tray, "#picked-count", `${counted(images.length, "picture")} picked${images.length === PICKED_MOST ? ", as many as there may be" : ""}`);
    part(this.tray, '[data-act="less"]').hidden = !this.asking;
    matchList(part(this.tray, "#picked"), images, ({ id }) => String(id), () => copy(this.pickedOne), (element, image) => {
      const picture = part(element, "img");
      const source = `/thumbs/${image.id}/${this.width}`;
      if (picture.getAttribute("src") !== source) picture.src = source;
      part(element, "button").setAttribute("aria-label", `Put back: ${nameOf(image)}`);
    });
    this.#markAll();
    this.#refresh();
  }

  /** @param {MouseEvent} event */
  #trayClick(event) {
    const button = event.target instanceof Element ? event.target.closest("button") : null;
    if (!button) return;
    const one = /** @type {HTMLElement | null} */ (button.closest("#picked li"));
    const images = [...this.#picked.values()];
    if (one) this.#picked.delete(Number(one.dataset.key));
    else this.#picked.clear();
    this.#showTray();
    if (!one && button.dataset.act !== "none") this.onask(images, button.dataset.act === "less");
  }

  /** @param {PointerEvent} event */
  #down(event) {
    const target = event.target instanceof Element ? event.target : null;
    const image = this.imageOf(target);
    clearTimeout(this.#pressing);
    this.#press = { x: event.clientX, y: event.clientY, long: false };
    if (!image || event.button !== 0 || target?.closest("button")) return;
    if (event.pointerType === "mouse") return this.onlikely(image);
    this.#pressing = setTimeout(() => {
      this.#press.long = true;
      this.#attach(target);
    }, LONG_PRESS);
  }

  /** @param {PointerEvent} event */
  #moved(event) {
    if (Math.hypot(event.clientX - this.#press.x, event.clientY - this.#press.y) > SLOP) clearTimeout(this.#pressing);
  }

  /**
   * The click that ends a long press opens nothing.
   *
   * @param {MouseEvent} event
   */
  #swallow(event) {
    const link = event.target instanceof Element && event.target.closest(".tile a");
    if (!link || !this.#press.long) return;
    event.preventDefault();
    event.stopPropagation();
    this.#press.long = false;
  }
}
