// @ts-check
/**
 * On the wall: a heart and a way to look closer, over the picture under the pointer or with the focus; and a mark on
 * those that are kept. One set of buttons moves between the pictures.
 */

import { SHOWN } from "../ask/tools.js";
import { copy, part } from "../dom.js";
import { FAVOURITES, boardOf, holds } from "./model.js";
import { showHeart, toggle } from "./keep.js";

/** @typedef {import("../images.js").DetailedImage} DetailedImage */
/** @typedef {import("./store.js").Boards} Boards */

export class Hearts {
  /** @type {(id: number, tile: HTMLElement) => void} called to look closer */
  onlook = () => {};
  /** Ids of what is kept. @type {Set<number>} */
  #kept = new Set();

  /**
   * @param {HTMLElement} wall
   * @param {HTMLTemplateElement} template  of the buttons
   * @param {(id: number) => DetailedImage | undefined} imageOf
   * @param {Boards} boards
   */
  constructor(wall, template, imageOf, boards) {
    this.wall = wall;
    this.bar = copy(template);
    this.imageOf = imageOf;
    this.boards = boards;
    boards.listeners.add(() => this.#mark());
    wall.addEventListener("pointerover", (event) => event.pointerType === "mouse" && this.#attach(event.target));
    wall.addEventListener("pointerleave", () => !this.bar.contains(document.activeElement) && this.#attach(document.activeElement));
    wall.addEventListener("focusin", (event) => this.#attach(event.target));
    wall.addEventListener("keydown", (event) => this.#key(event));
    part(this.bar, ".look-closer").addEventListener("click", () => {
      const tile = /** @type {HTMLElement | null} */ (this.bar.closest(".tile"));
      if (tile) this.onlook(Number(tile.dataset.id), tile);
    });
    part(this.bar, ".heart").addEventListener("click", () => this.#toggle(this.bar));
    // A finger that stays on a picture brings up the buttons that ask: these come with them.
    wall.addEventListener(SHOWN, (event) => this.#attach(event.target));
    this.#mark();
  }

  /** @param {EventTarget | null} target */
  #attach(target) {
    const tile = target instanceof Element ? /** @type {HTMLElement | null} */ (target.closest(".tile")) : null;
    const image = tile && this.imageOf(Number(tile.dataset.id));
    if (!tile || !image || !this.wall.contains(tile)) return this.bar.remove();
    if (this.bar.parentElement !== tile) {
      // Between the picture's link and the other buttons; the focus is never in the bar when it moves.
      part(tile, "a").after(this.bar);
    }
    this.#mark();
  }

  /**
   * Mark a tile that has come into the page.
   *
   * @param {HTMLElement} tile
   * @param {number} id  of its picture
   */
  markTile(tile, id) {
    tile.classList.toggle("kept", this.#kept.has(id));
  }

  #mark() {
    this.#kept = new Set(boardOf(this.boards.all, FAVOURITES)?.images.map((image) => image.id));
    for (const tile of /** @type {NodeListOf<HTMLElement>} */ (this.wall.querySelectorAll(":scope > .tile"))) {
      this.markTile(tile, Number(tile.dataset.id));
    }
    const tile = /** @type {HTMLElement | null} */ (this.bar.closest(".tile"));
    const image = tile && this.imageOf(Number(tile.dataset.id));
    if (image) showHeart(part(this.bar, ".heart"), this.#kept.has(image.id), image);
  }

  /** @param {Element} element  in a tile */
  #toggle(element) {
    const tile = /** @type {HTMLElement | null} */ (element.closest(".tile"));
    const image = tile && this.imageOf(Number(tile.dataset.id));
    if (image) toggle(this.boards, FAVOURITES, image);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key !== "f" || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.#toggle(/** @type {Element} */ (event.target));
  }
}

/**
 * The heart of a single picture, wherever it stands.
 *
 * @param {HTMLElement} button
 * @param {Boards} boards
 * @param {() => DetailedImage | null} imageOf
 */
export function watchHeart(button, boards, imageOf) {
  const show = () => {
    const image = imageOf();
    if (image) showHeart(button, holds(boards.all, FAVOURITES, image.id), image);
  };
  button.addEventListener("click", () => {
    const image = imageOf();
    if (image) toggle(boards, FAVOURITES, image);
  });
  boards.listeners.add(show);
  return show;
}
