// @ts-check
/** The tiles that are in the page, each in its place and in reading order, with the divider between them. */

import { placeTile, sameBox } from "./boxes.js";
import { Hung } from "./hung.js";
import { DIVIDER } from "./layout.js";
import { Tiles } from "./tiles.js";

/** @typedef {import("./grid.js").Grid} Grid */

const REST = "The rest is less alike";
const NOTHING = "Nothing here is much like it; these come nearest";

export class Hanging {
  /** Called with each tile that comes into the page. @type {Set<(tile: HTMLLIElement, id: number) => void>} */
  listeners = new Set();
  /** Tiles by the index of their picture. */
  tiles = new Hung();
  /** @type {Grid | null} */
  #grid = null;
  #made;
  /** Tiles of pictures of which nothing but the outline is known. @type {Set<HTMLLIElement>} */
  #nameless = new Set();
  /** @type {WeakMap<HTMLLIElement, import("./grid.js").Box>} where tiles lie, or lay when they were taken down */
  #boxes = new WeakMap();
  /** @type {Map<string, HTMLLIElement>} tiles that the server has rendered, by id, until they are used */
  #rendered = new Map();
  /** Stands where pictures become less alike; in the page only when there is such a place. */
  #divider = document.createElement("li");

  /**
   * @param {HTMLElement} element            the list
   * @param {HTMLTemplateElement} template   of a tile
   * @param {readonly number[]} widths       the server's thumbnail widths, ascending
   */
  constructor(element, template, widths) {
    this.element = element;
    this.#made = new Tiles(template, widths);
    for (const item of element.querySelectorAll("li")) {
      if (item.classList.contains("divider")) this.#divider = item;
      else this.#rendered.set(item.dataset.id ?? "", item);
    }
    this.#divider.className = "divider";
    this.#divider.style.height = `${DIVIDER}px`;
  }

  /** @param {Grid} grid  whose pictures are to hang, in place of all others */
  show(grid) {
    for (const [, tile] of this.tiles) this.#made.takeDown(tile);
    this.tiles.clear();
    this.#nameless.clear();
    this.#grid = grid;
  }

  /** What the server has rendered and nobody has hung is not wanted any more. */
  forgetRendered() {
    for (const tile of this.#rendered.values()) this.#made.takeDown(tile);
    this.#rendered.clear();
  }

  /** Each to its place: the grid was laid out again. */
  refresh() {
    for (const [index, tile] of this.tiles) this.#put(index, tile);
  }

  /** More is known of some pictures. */
  learn() {
    for (const tile of this.#nameless) {
      const image = this.#grid?.pictures.at(this.tiles.indexOf(tile));
      if (!image) continue;
      this.#made.name(tile, image);
      this.#nameless.delete(tile);
    }
  }

  /**
   * A picture has been taken out of the grid.
   *
   * @param {number} index  that it had
   */
  drop(index) {
    const dropped = this.tiles.drop(index);
    if (dropped) this.#takeDown(dropped);
  }

  /**
   * Take down all but these.
   *
   * @param {number} from
   * @param {number} to     the one behind the last
   * @param {number} other  one more that stays
   */
  trim(from, to, other) {
    for (const [index, tile] of this.tiles) {
      if ((index >= from && index < to) || index === other) continue;
      this.#takeDown(tile);
      this.tiles.delete(index);
    }
  }

  /**
   * @param {number} row
   * @returns {number} how many of its pictures had no tile
   */
  hangRow(row) {
    const [from, to] = /** @type {Grid} */ (this.#grid).picturesOf(row, row + 1);
    let count = 0;
    for (let index = from; index < to; index++) {
      if (this.tiles.has(index)) continue;
      this.#hang(index);
      count += 1;
    }
    return count;
  }

  /** Put the divider where the grid has room for it. */
  divide() {
    const { split, divider: top } = /** @type {Grid} */ (this.#grid);
    if (top === null || split === null) return this.#divider.remove();
    this.#divider.style.top = `${top}px`;
    const words = split > 0 ? REST : NOTHING;
    if (this.#divider.textContent !== words) this.#divider.textContent = words;
    if (this.#divider.isConnected) return;
    this.element.insertBefore(this.#divider, this.tiles.at(this.tiles.nextFrom(split)) ?? null);
  }

  /**
   * Pictures get all the pixels that the screen shows.
   *
   * @param {number} from
   * @param {number} to    the one behind the last
   */
  sharpen(from, to) {
    const grid = /** @type {Grid} */ (this.#grid);
    for (let index = from; index < to; index++) {
      const tile = this.tiles.at(index);
      const width = grid.box(index)?.width;
      if (tile && width) this.#made.sharpen(tile, { id: grid.pictures.id(index) }, width);
    }
  }

  /** @param {HTMLLIElement} tile */
  #takeDown(tile) {
    this.#nameless.delete(tile);
    this.#made.takeDown(tile);
  }

  /** @param {number} index  of the picture that gets a tile, before the one behind it */
  #hang(index) {
    const { pictures } = /** @type {Grid} */ (this.#grid);
    const image = pictures.outline(index);
    const tile = this.#adopt(image) ?? this.#made.make(image);
    this.#put(index, tile);
    this.element.insertBefore(tile, this.#following(index));
    this.tiles.set(index, tile);
    if (!pictures.at(index)) this.#nameless.add(tile);
    for (const call of this.listeners) call(tile, image.id);
  }

  /** @param {import("./images.js").DetailedImage} image */
  #adopt(image) {
    if (this.#rendered.size === 0) return null;
    const tile = this.#rendered.get(String(image.id));
    if (!tile) return null;
    this.#rendered.delete(String(image.id));
    tile.querySelector(".caption")?.remove();
    this.#made.equip(tile, image);
    return tile;
  }

  /**
   * Reading order is the order in the page, also beside a tile that stays because it has the focus.
   *
   * @param {number} index
   */
  #following(index) {
    const next = this.tiles.nextFrom(index + 1);
    const split = this.#grid?.split ?? 0;
    if (index < split && next >= split && this.#divider.isConnected) return this.#divider;
    return this.tiles.at(next) ?? null;
  }

  /**
   * @param {number} index
   * @param {HTMLLIElement} tile
   */
  #put(index, tile) {
    const box = this.#grid?.box(index);
    const old = this.#boxes.get(tile);
    if (!box || (old && sameBox(box, old))) return;
    this.#boxes.set(tile, box);
    placeTile(tile, box);
  }
}
