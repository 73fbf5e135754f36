// @ts-check
/** In the viewer: on which boards the picture is, with a heart for the favourites and a way to a new board. */

import { part } from "../dom.js";
import { watchHeart } from "./hearts.js";
import { addBoard, toggle } from "./keep.js";
import { FAVOURITES, brief, holds } from "./model.js";

/** @typedef {import("../images.js").DetailedImage} DetailedImage */
/** @typedef {import("./store.js").Boards} Boards */

export class Choice {
  /** @type {DetailedImage | null} */
  image = null;
  #showHeart;

  /**
   * @param {HTMLElement} element  as the template has it
   * @param {Boards} boards
   */
  constructor(element, boards) {
    this.element = element;
    this.boards = boards;
    this.#showHeart = watchHeart(part(element, ".heart"), boards, () => this.image);
    boards.listeners.add(() => this.#refresh());
    part(element, "form").addEventListener("submit", (/** @type {SubmitEvent} */ event) => this.#add(event));
    part(element, ".board-choices").addEventListener("change", (/** @type {Event} */ event) => {
      const box = /** @type {HTMLInputElement} */ (event.target);
      if (this.image) toggle(this.boards, box.value, this.image);
    });
  }

  /** @param {DetailedImage | null} image */
  show(image) {
    this.image = image;
    this.#refresh();
    if (image) this.#showHeart();
  }

  #refresh() {
    const { image } = this;
    if (!image) return;
    const boards = this.boards.all.filter(({ id }) => id !== FAVOURITES);
    const list = part(this.element, ".board-choices");
    const focused = document.activeElement instanceof HTMLInputElement && list.contains(document.activeElement) ? document.activeElement.value : "";
    list.replaceChildren(...boards.map((board) => choiceOf(board, holds(this.boards.all, board.id, image.id))));
    for (const box of list.querySelectorAll("input")) if (box.value === focused) box.focus();
    const on = boards.filter((board) => holds(this.boards.all, board.id, image.id)).length;
    part(this.element, "summary").textContent = on ? `On ${on} ${on === 1 ? "board" : "boards"}` : "Add to a board";
  }

  /** @param {SubmitEvent} event */
  #add(event) {
    event.preventDefault();
    const field = part(this.element, 'input[name="name"]');
    if (!this.image || !field.value.trim()) return;
    addBoard(this.boards, field.value, [brief(this.image)]);
    field.value = "";
  }
}

/**
 * @param {import("./model.js").Board} board
 * @param {boolean} on
 */
function choiceOf({ id, name }, on) {
  const item = document.createElement("li");
  const label = document.createElement("label");
  const box = document.createElement("input");
  const words = document.createElement("span");
  box.type = "checkbox";
  box.value = id;
  box.checked = on;
  words.textContent = name;
  words.dir = "auto";
  label.append(box, words);
  item.append(label);
  return item;
}
