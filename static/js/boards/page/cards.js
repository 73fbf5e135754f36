// @ts-check
/**
 * Pictures in rows on a board: moved by drag, by buttons and by keys, taken off, or put on. Only those on the screen or
 * near it are in the page.
 */

import { frameFor, readDensity } from "../../density.js";
import { copy, matchList, part } from "../../dom.js";
import { Grid } from "../../grid.js";
import { nameOf } from "../../images.js";
import { readsAhead, theLine } from "../../thrift.js";
import { fillPicture } from "../../tile.js";

/** @typedef {import("../model.js").Kept} Kept */
/** @typedef {{movable: boolean, addable: boolean, gone: Set<number>}} State */

/** Screens around the one that is seen in which cards are kept. */
const GENEROUS = 1;
const THRIFTY = 0.25;

export class Cards {
  /** @type {(image: number, place: number) => void} called to move a picture to a place */
  onmove = () => {};
  /** @type {(image: number) => unknown} */
  onremove = () => {};
  /** @type {(image: number) => void} */
  onadd = () => {};
  /** @type {number} the picture that is dragged, or 0 */
  #dragged = 0;
  #grid = new Grid(frameFor(0, "normal"));
  /** @type {readonly Kept[]} */
  #images = [];
  /** @type {State} */
  #state = { movable: false, addable: false, gone: new Set() };
  #asked = 0;

  /**
   * @param {HTMLElement} list
   * @param {HTMLTemplateElement} template
   * @param {readonly number[]} widths
   */
  constructor(list, template, widths) {
    this.list = list;
    this.template = template;
    this.widths = widths;
    list.addEventListener("click", (event) => this.#click(event));
    list.addEventListener("keydown", (event) => this.#key(event));
    list.addEventListener("dragstart", (event) => this.#drag(event));
    list.addEventListener("dragover", (event) => this.#over(event));
    list.addEventListener("drop", (event) => this.#drop(event));
    list.addEventListener("dragend", () => this.#mark(null));
    addEventListener("scroll", () => this.#ask(), { passive: true });
    new ResizeObserver(() => this.#ask()).observe(list);
  }

  /**
   * @param {readonly Kept[]} images
   * @param {{movable?: boolean, addable?: boolean, gone?: Set<number>}} [options]
   */
  show(images, { movable = false, addable = false, gone = new Set() } = {}) {
    this.#images = images;
    this.#state = { movable, addable, gone };
    const focused = /** @type {HTMLElement | null} */ (document.activeElement?.closest(".kept-one"));
    const selector = document.activeElement instanceof HTMLButtonElement ? `[data-act="${document.activeElement.dataset.act}"]` : ".kept-link";
    const place = focused && this.list.contains(focused) ? [...this.list.children].indexOf(focused) : -1;
    this.#lay();
    if (place < 0) return;
    // A move takes the focus from the picture, and a removal takes the picture: it goes on, or to the next one.
    const next = focused?.isConnected ? focused : this.list.children[Math.min(place, this.list.children.length - 1)];
    /** @type {HTMLElement | null | undefined} */ (next?.querySelector(selector))?.focus();
  }

  /** @param {number} id  of the picture to bring on the screen, and the focus to */
  focus(id) {
    const box = this.#grid.box(this.#images.findIndex((image) => image.id === id));
    if (!box) return;
    const middle = this.list.getBoundingClientRect().top + box.top + box.height / 2;
    if (middle < 0 || middle > innerHeight) scrollBy({ top: middle - innerHeight / 2, behavior: "instant" });
    this.#render();
    /** @type {HTMLElement | null} */ (this.list.querySelector(`[data-key="${id}"] a`))?.focus({ preventScroll: true });
  }

  #ask() {
    this.#asked ||= requestAnimationFrame(() => {
      this.#asked = 0;
      if (this.list.clientWidth !== this.#grid.frame.width) this.#lay();
      else this.#render();
    });
  }

  /** Put all pictures into rows as wide as the list. */
  #lay() {
    this.#grid = new Grid(frameFor(this.list.clientWidth, readDensity(document.documentElement.dataset.density)));
    this.#grid.add(/** @type {any} */ (this.#images));
    this.#grid.flush();
    this.list.classList.add("ready");
    this.list.style.height = `${this.#grid.height}px`;
    this.#render();
  }

  #render() {
    const { top } = this.list.getBoundingClientRect();
    const margin = (readsAhead(theLine()) ? GENEROUS : THRIFTY) * innerHeight;
    const [from, to] = this.#grid.picturesOf(...this.#grid.rowsBetween(-top - margin, -top + innerHeight + margin));
    const held = Number(this.#card(document.activeElement)?.dataset.key ?? 0);
    const shown = this.#images
      .map((image, index) => ({ image, index }))
      .filter(({ image, index }) => (index >= from && index < to) || image.id === held || image.id === this.#dragged);
    const keys = new Set(shown.map(({ image }) => String(image.id)));
    for (const card of [...this.list.children]) if (!keys.has(/** @type {HTMLElement} */ (card).dataset.key ?? "")) card.remove();
    matchList(
      this.list,
      shown,
      ({ image }) => String(image.id),
      ({ image }) => this.#create(image),
      (card, { image, index }) => this.#update(card, image, index),
    );
  }

  /** @param {Kept} image */
  #create(image) {
    const card = copy(this.template);
    const picture = part(card, "img");
    fillPicture(picture, /** @type {any} */ (image), this.widths);
    part(card, "a").setAttribute("href", `/image/${image.id}`);
    card.title = image.title || image.creator ? nameOf(/** @type {any} */ (image)) : "";
    return card;
  }

  /**
   * @param {HTMLElement} card
   * @param {Kept} image
   * @param {number} index
   */
  #update(card, image, index) {
    const { movable, addable } = this.#state;
    const gone = this.#state.gone.has(image.id);
    const box = this.#grid.box(index);
    if (box) for (const side of /** @type {const} */ (["left", "top", "width", "height"])) card.style[side] = `${box[side]}px`;
    const sizes = `${box?.width ?? 320}px`;
    if (part(card, "img").sizes !== sizes) part(card, "img").sizes = sizes;
    card.style.backgroundColor = image.color;
    card.draggable = movable;
    card.classList.toggle("gone", gone);
    part(card, ".kept-gone").hidden = !gone;
    part(card, ".kept-tools").hidden = !movable && !addable;
    part(card, ".kept-tools").setAttribute("aria-label", nameOf(/** @type {any} */ (image)));
    const name = nameOf(/** @type {any} */ (image));
    /** @type {[string, string, boolean][]} */
    const acts = [["earlier", "Move back", movable], ["later", "Move on", movable], ["remove", "Take off this board", movable], ["add", "Put on this board", addable]];
    for (const [act, label, there] of acts) {
      const button = part(card, `[data-act="${act}"]`);
      button.hidden = !there;
      button.setAttribute("aria-label", `${label}: ${name}`);
    }
  }

  /**
   * @param {EventTarget | null} target
   * @returns {HTMLElement | null}
   */
  #card(target) {
    return target instanceof Element ? target.closest(".kept-one") : null;
  }

  /** @param {HTMLElement} card */
  #place(card) {
    return this.#images.findIndex((image) => String(image.id) === card.dataset.key);
  }

  /** @param {MouseEvent} event */
  #click(event) {
    const card = this.#card(event.target);
    const button = event.target instanceof Element ? event.target.closest("button") : null;
    if (!card || !button) return;
    this.#act(card, button.dataset.act ?? "");
  }

  /**
   * @param {HTMLElement} card
   * @param {string} act
   */
  #act(card, act) {
    const id = Number(card.dataset.key);
    if (act === "earlier") this.onmove(id, this.#place(card) - 1);
    else if (act === "later") this.onmove(id, this.#place(card) + 1);
    else if (act === "remove") this.onremove(id);
    else if (act === "add") this.onadd(id);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const card = this.#card(event.target);
    if (!card || !this.#state.movable || event.ctrlKey || event.metaKey) return;
    /** @type {Record<string, string>} */
    const keys = event.altKey ? { ArrowLeft: "earlier", ArrowRight: "later" } : { Delete: "remove" };
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    this.#act(card, act);
  }

  /** @param {DragEvent} event */
  #drag(event) {
    const card = this.#card(event.target);
    if (!card || !this.#state.movable) return event.preventDefault();
    this.#dragged = Number(card.dataset.key);
    if (event.dataTransfer) event.dataTransfer.effectAllowed = "move";
  }

  /** @param {DragEvent} event */
  #over(event) {
    const card = this.#card(event.target);
    if (!this.#dragged || !card) return;
    event.preventDefault();
    this.#mark(card, this.#isBehind(event, card));
  }

  /** @param {DragEvent} event */
  #drop(event) {
    const card = this.#card(event.target);
    const dragged = this.#dragged;
    this.#mark(null);
    if (!dragged || !card) return;
    event.preventDefault();
    const from = this.#images.findIndex((image) => image.id === dragged);
    const to = this.#place(card) + (this.#isBehind(event, card) ? 1 : 0);
    this.onmove(dragged, to > from ? to - 1 : to);
  }

  /**
   * @param {DragEvent} event
   * @param {HTMLElement} card
   */
  #isBehind(event, card) {
    const { left, width } = card.getBoundingClientRect();
    return event.clientX > left + width / 2;
  }

  /**
   * Show where the dragged picture would go.
   *
   * @param {HTMLElement | null} card  null when the drag is over
   * @param {boolean} [behind]
   */
  #mark(card, behind = false) {
    if (!card) this.#dragged = 0;
    for (const other of this.list.children) {
      other.classList.toggle("before", other === card && !behind);
      other.classList.toggle("behind", other === card && behind);
    }
  }
}
