// @ts-check
/** Pictures in rows on a board: moved by drag, by buttons and by keys, taken off, or put on. */

import { copy, matchList, part } from "../../dom.js";
import { nameOf } from "../../images.js";
import { fillPicture } from "../../tile.js";

/** @typedef {import("../model.js").Kept} Kept */


export class Cards {
  /** @type {(image: number, place: number) => void} called to move a picture to a place */
  onmove = () => {};
  /** @type {(image: number) => unknown} */
  onremove = () => {};
  /** @type {(image: number) => void} */
  onadd = () => {};
  /** @type {number} the picture that is dragged, or 0 */
  #dragged = 0;
  #movable = false;

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
  }

  /**
   * @param {readonly Kept[]} images
   * @param {{movable?: boolean, addable?: boolean, gone?: Set<number>}} [options]
   */
  show(images, { movable = false, addable = false, gone = new Set() } = {}) {
    this.#movable = movable;
    const focused = /** @type {HTMLElement | null} */ (document.activeElement?.closest(".kept-one"));
    const selector = document.activeElement instanceof HTMLButtonElement ? `[data-act="${document.activeElement.dataset.act}"]` : ".kept-link";
    const place = focused && this.list.contains(focused) ? [...this.list.children].indexOf(focused) : -1;
    matchList(
      this.list,
      images,
      ({ id }) => String(id),
      (image) => this.#create(image),
      (card, image) => this.#update(card, { movable, addable, gone: gone.has(image.id) }, image),
    );
    if (place < 0) return;
    // A move takes the focus from the picture, and a removal takes the picture: it goes on, or to the next one.
    const next = focused?.isConnected ? focused : this.list.children[Math.min(place, this.list.children.length - 1)];
    /** @type {HTMLElement | null | undefined} */ (next?.querySelector(selector))?.focus();
  }

  /** @param {Kept} image */
  #create(image) {
    const card = copy(this.template);
    const picture = part(card, "img");
    fillPicture(picture, /** @type {any} */ (image), this.widths);
    picture.sizes = "320px";
    part(card, "a").setAttribute("href", `/image/${image.id}`);
    card.title = [image.title, image.creator].filter(Boolean).join(", ");
    return card;
  }

  /**
   * @param {HTMLElement} card
   * @param {{movable: boolean, addable: boolean, gone: boolean}} state
   * @param {Kept} image
   */
  #update(card, { movable, addable, gone }, image) {
    const ratio = Math.min(4, Math.max(0.4, image.width / image.height));
    card.style.setProperty("--ratio", String(ratio));
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
    return [...this.list.children].indexOf(card);
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
    if (!card || !this.#movable || event.ctrlKey || event.metaKey) return;
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
    if (!card || !this.#movable) return event.preventDefault();
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
    const from = [...this.list.children].findIndex((other) => /** @type {HTMLElement} */ (other).dataset.key === String(dragged));
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
