// @ts-check
/** All boards: a card each, and what can be done to them together. */

import { copy, matchList, part, tell } from "../../dom.js";
import { counted } from "../../format.js";
import { addBoard } from "../keep.js";
import { FAVOURITES } from "../model.js";
import { bringIn, download } from "./transfer.js";

/** @typedef {import("../model.js").Board} Board */
/** @typedef {import("../store.js").Boards} Boards */

const COVER = 4;
const WARNINGS = {
  kept: "",
  forbidden: "This browser lets the page keep nothing: they are gone when it is closed.",
  full: "There is no room left in this browser: what is new is gone when the page is closed.",
};

export class Overview {
  /**
   * @param {HTMLElement} element
   * @param {HTMLTemplateElement} template  of a card
   * @param {Boards} boards
   * @param {number} width                  the smallest thumbnails'
   */
  constructor(element, template, boards, width) {
    this.element = element;
    this.template = template;
    this.boards = boards;
    this.width = width;
    const file = part(element, "#import-file");
    part(element, "#new-board").addEventListener("submit", (/** @type {SubmitEvent} */ event) => this.#add(event));
    part(element, "#export-all").addEventListener("click", () => download(boards.all, "boards"));
    part(element, "#import").addEventListener("click", () => file.click());
    file.addEventListener("change", () => {
      const [chosen] = file.files;
      if (chosen) bringIn(boards, chosen);
      file.value = "";
    });
  }

  show() {
    const { all } = this.boards;
    tell(this.element, "#storage-said", WARNINGS[this.boards.state]);
    const shown = all.filter(({ id, images }) => id !== FAVOURITES || images.length > 0 || all.length === 1);
    matchList(
      part(this.element, "#board-list"),
      shown,
      ({ id }) => id,
      () => copy(this.template),
      (card, board) => this.#update(card, board),
    );
    part(this.element, "#export-all").disabled = all.every(({ images }) => images.length === 0);
  }

  /**
   * @param {HTMLElement} card
   * @param {Board} board
   */
  #update(card, { id, name, images }) {
    part(card, "a").setAttribute("href", `/boards#${id}`);
    tell(card, ".board-name", name);
    tell(card, ".board-size", images.length ? counted(images.length, "picture") : "empty");
    const cover = part(card, ".cover");
    const ids = images.slice(0, COVER).map((image) => image.id);
    if (cover.dataset.ids === ids.join()) return;
    cover.dataset.ids = ids.join();
    cover.replaceChildren(...images.slice(0, COVER).map((image) => this.#piece(image)));
  }

  /** @param {import("../model.js").Kept} image */
  #piece({ id, color }) {
    const piece = document.createElement("img");
    piece.alt = "";
    piece.decoding = "async";
    piece.style.backgroundColor = color;
    piece.src = `/thumbs/${id}/${this.width}`;
    return piece;
  }

  /** @param {SubmitEvent} event */
  #add(event) {
    event.preventDefault();
    const field = part(this.element, '#new-board [name="name"]');
    if (!field.value.trim()) return;
    addBoard(this.boards, field.value);
    field.value = "";
  }
}
