// @ts-check
/**
 * The wall in the page: tiles for the rows of a grid that are on the screen or near it, and for no others.
 *
 * The wall has its full height at all times and tiles lie at exact places, so nothing moves when tiles come and go.
 */

import { placeTile, sameBox } from "./boxes.js";
import { Caption } from "./caption.js";
import { frameFor, readDensity } from "./density.js";
import { isPlain } from "./dom.js";
import { DIVIDER } from "./layout.js";
import { Hung } from "./hung.js";
import { Pace } from "./pace.js";
import { isSparing, readsAhead, theLine } from "./thrift.js";
import { createTile, equip, nameTile, sharpen, takeDown } from "./tile.js";

/** @typedef {import("./grid.js").Grid} Grid */
/** @typedef {import("./layout.js").Frame} Frame */

/** Screens around the one that is seen: tiles are kept in so many, and pages fetched for so many below. */
const GENEROUS = { kept: 1.5, ahead: 3 };
const THRIFTY = { kept: 0.25, ahead: 0.5 };
const MARGIN = 14;
/** Who scrolls on for so long, in milliseconds, must not come to the end of what has been fetched. */
const RUN_UP = 1_500;
/** New tiles a frame beyond the screen: many at once would hold up whoever scrolls. */
const HUNG_AT_ONCE = 24;
/** Room below the wall, in screens, for what is on its way. */
const RUNWAY = 3;
const REST = "The rest is less alike";
const NOTHING = "Nothing here is much like it; these come nearest";

export class Wall {
  /**
   * Called after what is on the screen has changed, with the first picture that is to have a tile and the one behind the
   * last.
   *
   * @type {(from: number, to: number) => void}
   */
  onrender = () => {};
  /** @type {(index: number, tile: HTMLLIElement) => void} */
  onopen = () => {};
  density = readDensity(document.documentElement.dataset.density);
  /** @type {Grid | null} */
  #grid = null;
  #tiles = new Hung();
  /** Tiles of pictures of which nothing but the outline is known. @type {Set<HTMLLIElement>} */
  #nameless = new Set();
  /** @type {WeakMap<HTMLLIElement, import("./grid.js").Box>} where tiles lie */
  #boxes = new WeakMap();
  /** @type {Map<string, HTMLLIElement>} tiles that the server has rendered, by id, until they are used */
  #rendered = new Map();
  /** Stands where pictures become less alike; in the page only when there is such a place. */
  #divider = document.createElement("li");
  #offset = 0;
  #more = false;
  #pace = new Pace(() => this.#render(), () => this.#sharpen());

  /**
   * @param {HTMLElement} element            the list
   * @param {HTMLTemplateElement} template   of a tile
   * @param {HTMLTemplateElement} caption
   * @param {readonly number[]} widths       the server's thumbnail widths, ascending
   */
  constructor(element, template, caption, widths) {
    this.element = element;
    this.template = template;
    this.widths = widths;
    new Caption(element, caption, (tile) => this.#grid?.pictures.at(this.indexOf(tile)));
    for (const item of element.querySelectorAll("li")) {
      if (item.classList.contains("divider")) this.#divider = item;
      else this.#rendered.set(item.dataset.id ?? "", item);
    }
    this.#divider.className = "divider";
    this.#divider.style.height = `${DIVIDER}px`;
    element.addEventListener("load", () => this.#pace.disturb(), { capture: true });
    element.addEventListener("click", (event) => this.#click(event));
    element.addEventListener("keydown", (event) => this.#keydown(event));
  }

  /** @returns {Frame} what fits the wall's width and density now */
  get frame() {
    return frameFor(Math.floor(this.element.clientWidth), this.density);
  }

  /** Whether the end of the wall is on the screen or so near that more is wanted. */
  get nearEnd() {
    const ahead = this.#offset + (this.#grid?.height ?? 0) - scrollY - innerHeight;
    return ahead < Math.max(reach().ahead * innerHeight, this.#pace.speed * RUN_UP);
  }

  /**
   * Whether more pictures are coming: there is room for them already, so that whoever scrolls faster than they come is
   * not held up, and nothing below the wall moves.
   *
   * @param {boolean} more
   */
  set more(more) {
    if (this.#more === more) return;
    this.#more = more;
    this.element.classList.toggle("more", more);
    this.#stretch();
  }

  /**
   * Show a grid, scrolled to a place.
   *
   * @param {Grid} grid
   * @param {number} scroll  pixels from the top of the page
   */
  show(grid, scroll) {
    for (const [, tile] of this.#tiles) takeDown(tile);
    this.#tiles.clear();
    this.#nameless.clear();
    this.#grid = grid;
    this.element.classList.add("ready");
    this.#measure();
    scrollTo({ top: scroll, behavior: "instant" });
    this.#render();
    for (const tile of this.#rendered.values()) takeDown(tile);
    this.#rendered.clear();
  }

  /** After the grid has grown or was laid out again. */
  refresh() {
    this.#measure();
    for (const [index, tile] of this.#tiles) this.#put(index, tile);
    this.#render();
  }

  /** More is known of some pictures. */
  learn() {
    for (const tile of this.#nameless) {
      const image = this.#grid?.pictures.at(this.indexOf(tile));
      if (!image) continue;
      nameTile(tile, image);
      this.#nameless.delete(tile);
    }
  }

  /**
   * After a picture has been taken out of the grid: its tile goes, and the others keep theirs. The focus moves on.
   *
   * @param {number} index  that it had
   */
  drop(index) {
    const dropped = this.#tiles.drop(index);
    const focused = dropped?.contains(document.activeElement);
    dropped?.remove();
    this.refresh();
    if (focused) this.#tiles.at(Math.min(index, (this.#grid?.placed ?? 0) - 1))?.querySelector("a")?.focus({ preventScroll: true });
  }

  /**
   * The first picture on the screen and how far its top is from the screen's.
   *
   * @returns {{index: number, distance: number}}
   */
  get anchor() {
    const grid = this.#grid;
    const top = scrollY - this.#offset;
    const row = grid?.row(grid.rowsBetween(top, top)[0]);
    return row ? { index: row.start, distance: row.top - top } : { index: 0, distance: -top };
  }

  /**
   * Scroll so that a picture is at this distance from the top of the screen. Above the wall nothing has to move.
   *
   * @param {{index: number, distance: number}} anchor
   */
  restore({ index, distance }) {
    const top = this.#grid?.box(index)?.top ?? 0;
    if (index > 0 || distance <= 0) scrollTo({ top: this.#offset + top - distance, behavior: "instant" });
    this.#render();
  }

  /**
   * Move the focus to a picture, and the screen only when it is not on it.
   *
   * @param {number} index
   */
  focus(index) {
    const box = this.#grid?.box(index);
    if (!box) return;
    const top = this.#offset + box.top;
    const bottom = top + box.height + MARGIN;
    const header = MARGIN + (document.querySelector(".header")?.getBoundingClientRect().bottom ?? 0);
    if (top - header < scrollY) scrollTo({ top: top - header, behavior: "instant" });
    else if (bottom > scrollY + innerHeight) scrollTo({ top: bottom - innerHeight, behavior: "instant" });
    this.#render();
    this.#tiles.at(index)?.querySelector("a")?.focus({ preventScroll: true });
  }

  /** @param {number} index  of a picture; it has a tile while it is near the screen */
  tile(index) {
    return this.#tiles.at(index);
  }

  /**
   * @param {Element | null} element
   * @returns {number} the index of the picture it is in, or -1
   */
  indexOf(element) {
    return this.#tiles.indexOf(element);
  }

  #measure() {
    this.#offset = this.element.getBoundingClientRect().top + scrollY;
    this.#stretch();
  }

  #stretch() {
    const height = this.#grid?.height ?? 0;
    const room = this.#more ? RUNWAY * innerHeight : 0;
    this.element.style.height = `${height + room}px`;
    this.element.style.setProperty("--hung", `${height}px`);
    this.element.style.setProperty("--row", `${this.#grid?.frame.height ?? 0}px`);
  }

  /** Pictures on the screen get all the pixels that it shows. */
  #sharpen() {
    const grid = this.#grid;
    if (!grid || isSparing(theLine())) return;
    const top = scrollY - this.#offset;
    const [from, to] = grid.picturesOf(...grid.rowsBetween(top, top + innerHeight));
    for (let index = from; index < to; index++) {
      const tile = this.#tiles.at(index);
      const width = grid.box(index)?.width;
      if (tile && width) sharpen(tile, { id: grid.pictures.id(index) }, this.widths, width);
    }
  }

  #render() {
    const grid = this.#grid;
    if (!grid) return;
    const top = scrollY - this.#offset;
    const margin = reach().kept * innerHeight;
    const near = grid.rowsBetween(top - margin, top + innerHeight + margin);
    const [from, to] = grid.picturesOf(...near);
    const focused = this.indexOf(document.activeElement);
    for (const [index, tile] of this.#tiles) {
      if ((index >= from && index < to) || index === focused) continue;
      takeDown(tile);
      this.#tiles.delete(index);
      this.#nameless.delete(tile);
    }
    this.#hangRows(grid, near, grid.rowsBetween(top, top + innerHeight));
    this.#divide(grid);
    this.onrender(from, to);
  }

  /**
   * Those on the screen, and a few more: the nearest first and those below before those above; the others in the frames
   * to come.
   *
   * @param {Grid} grid
   * @param {[number, number]} near    the first row, and the one behind the last
   * @param {[number, number]} seen    of them
   */
  #hangRows(grid, [from, to], [first, end]) {
    for (let row = first; row < end; row++) this.#hangRow(grid, row);
    let left = HUNG_AT_ONCE;
    for (let row = end; row < to && left > 0; row++) left -= this.#hangRow(grid, row);
    for (let row = first - 1; row >= from && left > 0; row--) left -= this.#hangRow(grid, row);
    if (left <= 0) this.#pace.ask();
  }

  /**
   * @param {Grid} grid
   * @param {number} row
   * @returns {number} how many of its pictures had no tile
   */
  #hangRow(grid, row) {
    const [from, to] = grid.picturesOf(row, row + 1);
    let count = 0;
    for (let index = from; index < to; index++) {
      if (this.#tiles.has(index)) continue;
      this.#hang(index);
      count += 1;
    }
    return count;
  }

  /** @param {Grid} grid */
  #divide(grid) {
    const { split, divider: top } = grid;
    if (top === null || split === null) return this.#divider.remove();
    this.#divider.style.top = `${top}px`;
    const words = split > 0 ? REST : NOTHING;
    if (this.#divider.textContent !== words) this.#divider.textContent = words;
    if (this.#divider.isConnected) return;
    this.element.insertBefore(this.#divider, this.#tiles.at(this.#tiles.nextFrom(split)) ?? null);
  }

  /** @param {number} index  of the picture that gets a tile, before the one behind it */
  #hang(index) {
    const { pictures } = /** @type {Grid} */ (this.#grid);
    const image = pictures.outline(index);
    const width = this.#grid?.box(index)?.width ?? 0;
    const tile = this.#adopt(image) ?? createTile(this.template, image, this.widths[0], width);
    this.#put(index, tile);
    this.element.insertBefore(tile, this.#following(index));
    this.#tiles.set(index, tile);
    if (!pictures.at(index)) this.#nameless.add(tile);
  }

  /** @param {import("./images.js").DetailedImage} image */
  #adopt(image) {
    const tile = this.#rendered.get(String(image.id));
    if (!tile) return null;
    this.#rendered.delete(String(image.id));
    tile.querySelector(".caption")?.remove();
    equip(tile, image);
    return tile;
  }

  /**
   * Reading order is the order in the page, also beside a tile that stays because it has the focus.
   *
   * @param {number} index
   */
  #following(index) {
    const next = this.#tiles.nextFrom(index + 1);
    const split = this.#grid?.split ?? 0;
    if (index < split && next >= split && this.#divider.isConnected) return this.#divider;
    return this.#tiles.at(next) ?? null;
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

  /** @param {MouseEvent} event */
  #click(event) {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    const index = this.indexOf(link);
    if (index < 0 || event.button !== 0 || !isPlain(event)) return;
    event.preventDefault();
    this.onopen(index, /** @type {HTMLLIElement} */ (this.#tiles.at(index)));
  }

  /** @param {KeyboardEvent} event */
  #keydown(event) {
    if (!event.key.startsWith("Arrow") || !isPlain(event)) return;
    const index = this.indexOf(event.target instanceof Element ? event.target : null);
    if (index < 0 || !this.#grid) return;
    event.preventDefault();
    this.focus(this.#grid.neighbor(index, event.key));
  }
}

/** How far to look beyond the screen, on the line as it is now. */
function reach() {
  return readsAhead(theLine()) ? GENEROUS : THRIFTY;
}
