// @ts-check
/**
 * The wall in the page: tiles for the rows of a grid that are on the screen or near it, and for no others.
 *
 * The wall has its full height at all times and tiles lie at exact places, so nothing moves when tiles come and go.
 */

import { Caption } from "./caption.js";
import { frameFor, readDensity } from "./density.js";
import { isPlain } from "./dom.js";
import { Hanging } from "./hanging.js";
import { Pace } from "./pace.js";
import { isSparing, readsAhead, theLine } from "./thrift.js";

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
  #hanging;
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
    this.#hanging = new Hanging(element, template, widths);
    new Caption(element, caption, (tile) => this.#grid?.pictures.at(this.indexOf(tile)));
    element.addEventListener("load", () => this.#pace.disturb(), { capture: true });
    element.addEventListener("click", (event) => this.#click(event));
    element.addEventListener("keydown", (event) => this.#keydown(event));
  }

  /** Called with each tile that comes into the page, and the id of its picture. */
  get listeners() {
    return this.#hanging.listeners;
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
    this.#hanging.show(grid);
    this.#grid = grid;
    this.element.classList.add("ready");
    this.#measure();
    scrollTo({ top: scroll, behavior: "instant" });
    this.#render();
    this.#hanging.forgetRendered();
  }

  /** After the grid has grown or was laid out again. */
  refresh() {
    this.#measure();
    this.#hanging.refresh();
    this.#render();
  }

  /** More is known of some pictures. */
  learn() {
    this.#hanging.learn();
  }

  /**
   * After a picture has been taken out of the grid: its tile goes, and the others keep theirs. The focus moves on.
   *
   * @param {number} index  that it had
   */
  drop(index) {
    const focused = this.tile(index)?.contains(document.activeElement);
    this.#hanging.drop(index);
    this.refresh();
    if (focused) this.tile(Math.min(index, (this.#grid?.placed ?? 0) - 1))?.querySelector("a")?.focus({ preventScroll: true });
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
    this.tile(index)?.querySelector("a")?.focus({ preventScroll: true });
  }

  /** @param {number} index  of a picture; it has a tile while it is near the screen */
  tile(index) {
    return this.#hanging.tiles.at(index);
  }

  /**
   * @param {Element | null} element
   * @returns {number} the index of the picture it is in, or -1
   */
  indexOf(element) {
    return this.#hanging.tiles.indexOf(element);
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
    this.#hanging.sharpen(...grid.picturesOf(...grid.rowsBetween(top, top + innerHeight)));
  }

  #render() {
    const grid = this.#grid;
    if (!grid) return;
    const top = scrollY - this.#offset;
    const margin = reach().kept * innerHeight;
    const near = grid.rowsBetween(top - margin, top + innerHeight + margin);
    const [from, to] = grid.picturesOf(...near);
    this.#hanging.trim(from, to, this.indexOf(document.activeElement));
    this.#hangRows(near, grid.rowsBetween(top, top + innerHeight));
    this.#hanging.divide();
    this.onrender(from, to);
  }

  /**
   * Those on the screen, and a few more: the nearest first and those below before those above; the others in the frames
   * to come.
   *
   * @param {[number, number]} near    the first row, and the one behind the last
   * @param {[number, number]} seen    of them
   */
  #hangRows([from, to], [first, end]) {
    for (let row = first; row < end; row++) this.#hanging.hangRow(row);
    let left = HUNG_AT_ONCE;
    for (let row = end; row < to && left > 0; row++) left -= this.#hanging.hangRow(row);
    for (let row = first - 1; row >= from && left > 0; row--) left -= this.#hanging.hangRow(row);
    if (left <= 0) this.#pace.ask();
  }

  /** @param {MouseEvent} event */
  #click(event) {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    const index = this.indexOf(link);
    if (index < 0 || event.button !== 0 || !isPlain(event)) return;
    event.preventDefault();
    this.onopen(index, /** @type {HTMLLIElement} */ (this.tile(index)));
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
