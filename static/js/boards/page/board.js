// @ts-check
/** One board: its pictures in the visitor's order, what is done to it, and more that is like it. */

import { call } from "../../api.js";
import { isPlain, part, tell } from "../../dom.js";
import { counted } from "../../format.js";
import { PARTS_MOST, partOf } from "../../ask/parts.js";
import { isolated, readImages } from "../../images.js";
import { pageOf, placeOfParts } from "../../places.js";
import { addBoard, takeOff, tellOf } from "../keep.js";
import { FAVOURITES, boardOf, brief, linkOf, moved, renamed, spread, withBoard, withImages, withoutBoard, withoutImages } from "../model.js";
import { say } from "../said.js";
import { lookUp } from "./catalog.js";
import { Cards } from "./cards.js";
import { download } from "./transfer.js";

/** @typedef {import("../../images.js").DetailedImage} DetailedImage */
/** @typedef {import("../model.js").Board} Board */
/** @typedef {import("../store.js").Boards} Boards */

const ASKED_BY = PARTS_MOST;
const LIKES = 48;

export class BoardView {
  /** @type {string | null} the board's id; null while none or a shared one is shown */
  #id = null;
  /** @type {{name: string, images: DetailedImage[]} | null} */
  #shared = null;
  /** @type {Map<number, DetailedImage>} what the collection says of pictures, by id */
  #known = new Map();
  /** @type {Set<number>} */
  #gone = new Set();
  /** @type {DetailedImage[]} */
  #likes = [];
  /** The ids that were asked by. */
  #asked = "";

  /**
   * @param {HTMLElement} element
   * @param {Boards} boards
   * @param {{template: HTMLTemplateElement, widths: readonly number[], said: HTMLElement}} parts  `said` tells where a picture has gone
   */
  constructor(element, boards, { template, widths, said }) {
    this.element = element;
    this.boards = boards;
    this.cards = new Cards(part(element, "#kept"), template, widths);
    this.likes = new Cards(part(element, "#like-list"), template, widths);
    this.cards.onmove = (image, place) => {
      if (!this.#id) return;
      const from = this.#images.findIndex(({ id }) => id === image);
      const to = Math.min(Math.max(0, place), this.#images.length - 1);
      if (to === from) return;
      const id = this.#id;
      boards.change((all) => moved(all, id, image, to));
      said.textContent = `Moved to place ${to + 1} of ${this.#images.length}.`;
    };
    this.cards.onremove = (image) => this.#id && takeOff(boards, this.#id, image);
    this.likes.onadd = (image) => this.#add(image);
    element.addEventListener("click", (event) => this.#click(event));
    part(element, "#rename").addEventListener("submit", (/** @type {SubmitEvent} */ event) => this.#rename(event));
  }

  /** @returns {readonly {id: number, width: number, height: number, color: string, title: string, creator: string}[]} */
  get #images() {
    if (this.#shared) return this.#shared.images;
    return (this.#id && boardOf(this.boards.all, this.#id)?.images) || [];
  }

  /**
   * What the viewer walks along: the list in which this picture is.
   *
   * @param {number | null} id
   * @returns {DetailedImage[]}
   */
  sequence(id) {
    const here = this.#images.map((image) => this.#known.get(image.id)).filter((image) => image !== undefined);
    return id !== null && !here.some((image) => image.id === id) && this.#likes.some((image) => image.id === id) ? this.#likes : here;
  }

  /** @param {number} id  of a picture on the board, or of one like it */
  focus(id) {
    this.cards.focus(id);
    this.likes.focus(id);
  }

  /** @param {{name: string, images: DetailedImage[]}} shared */
  showShared(shared) {
    this.#shared = shared;
    for (const image of shared.images) this.#known.set(image.id, image);
    this.refresh();
    this.#ask();
  }

  /** @param {string} id  of a board that is there */
  async show(id) {
    this.#shared = null;
    this.#id = id;
    this.#gone.clear();
    this.#likes = [];
    this.#asked = "";
    this.#edit(false);
    this.#arrange(false);
    this.refresh();
    const ids = this.#images.map((image) => image.id);
    try {
      const found = await lookUp(ids.filter((image) => !this.#known.has(image)));
      for (const [image, known] of found) this.#known.set(image, known);
      if (this.#id !== id) return;
      this.#gone = new Set(ids.filter((image) => !this.#known.has(image)));
      this.refresh();
      this.#ask();
    } catch {
      return; // the pictures are shown as they are remembered
    }
  }

  /** After something has changed, here or in another tab. */
  refresh() {
    const board = this.#shared ?? (this.#id ? boardOf(this.boards.all, this.#id) : undefined);
    if (!board) return;
    const { element } = this;
    const images = this.#images;
    const own = this.#shared === null;
    const link = linkOf({ id: "", name: board.name, images });
    tell(element, "#board-title", board.name);
    tell(element, "#board-count", counted(images.length, "picture"));
    this.cards.show(images, { movable: own, gone: this.#gone });
    const gone = images.filter((image) => this.#gone.has(image.id)).length;
    if (own) {
      part(element, "#board-missing").hidden = gone === 0;
      tell(element, "#board-missing", gone ? `${counted(gone, "picture")} ${gone === 1 ? "is" : "are"} no longer in the collection.` : "");
    }
    const act = (/** @type {string} */ name) => part(element, `[data-act="${name}"]`);
    const asking = this.#askedBy;
    act("more").hidden = asking.length === 0;
    act("more").href = pageOf(placeOfParts(asking.map((image) => partOf("id", image))));
    act("more").classList.toggle("primary", own);
    act("keep").hidden = own || images.length === 0;
    act("clean").hidden = gone === 0;
    act("share").hidden = images.length === 0 || link === null;
    act("export").hidden = images.length === 0;
    act("arrange").hidden = !own || images.length === 0;
    for (const name of ["rename", "delete"]) act(name).hidden = !own || this.#id === FAVOURITES;
    part(element, "#board-empty").hidden = images.length > 0;
    part(element, ".share-line").hidden = true;
    const likes = this.#likes.filter((image) => !images.some(({ id }) => id === image.id));
    part(element, "#likes").hidden = likes.length === 0;
    this.likes.show(likes, { addable: own });
  }

  /** Some pictures that stand for all of the board. */
  get #askedBy() {
    return spread(this.#images.map((image) => image.id).filter((id) => !this.#gone.has(id)), ASKED_BY);
  }

  /** What is like the board. */
  async #ask() {
    const ids = this.#askedBy;
    const asked = ids.join();
    if (asked === this.#asked) return;
    this.#asked = asked;
    this.#likes = [];
    if (ids.length === 0) return;
    try {
      const answer = await call("/api/search", { method: "POST", body: { like: ids, limit: LIKES } });
      if (this.#asked !== asked) return;
      this.#likes = readImages(answer?.results);
      this.refresh();
    } catch {
      this.#asked = ""; // one of them has gone, or the server has: the next visit asks again
    }
  }

  /** @param {number} id */
  #add(id) {
    const image = this.#likes.find((other) => other.id === id);
    const board = this.#id;
    if (!image || !board) return;
    this.#known.set(id, image);
    this.boards.change((all) => withImages(all, board, [brief(image)]));
    tellOf(this.boards, "Put on this board.", (all) => withoutImages(all, board, [id]));
  }

  /** @param {MouseEvent} event */
  #click(event) {
    const target = event.target instanceof Element ? event.target.closest(".board-acts [data-act], #rename [data-act]") : null;
    if (!target || !isPlain(event)) return;
    const act = /** @type {HTMLElement} */ (target).dataset.act;
    if (act === "keep") this.#keep();
    else if (act === "share") this.#share();
    else if (act === "rename") this.#edit(true);
    else if (act === "stop") this.#edit(false);
    else if (act === "arrange") this.#arrange(!this.element.classList.contains("arranging"));
    else if (act === "export") this.#export();
    else if (act === "delete") this.#delete();
    else if (act === "clean") this.#clean();
  }

  #keep() {
    if (!this.#shared) return;
    const id = addBoard(this.boards, this.#shared.name, this.#shared.images.map(brief));
    if (boardOf(this.boards.all, id)) location.assign(`/boards#${id}`);
  }

  async #share() {
    const link = linkOf({ id: "", name: part(this.element, "#board-title").textContent, images: this.#images });
    if (!link) return;
    const url = location.origin + link;
    const line = part(this.element, ".share-line");
    const field = part(line, "input");
    line.hidden = false;
    field.value = url;
    field.select();
    try {
      await navigator.clipboard.writeText(url);
      say("The board's address is copied. Whoever opens it sees these pictures, and can keep them.");
    } catch {
      field.focus(); // only pages over https may write there: what is selected can be copied by hand
    }
  }

  #export() {
    const board = this.#id ? boardOf(this.boards.all, this.#id) : undefined;
    const shared = this.#shared && { id: "shared", name: this.#shared.name, images: this.#shared.images.map(brief) };
    const exported = board ?? shared;
    if (exported) download([exported], exported.name);
  }

  /** @param {boolean} arranging  whether pictures show, under a finger too, what moves them and takes them off */
  #arrange(arranging) {
    this.element.classList.toggle("arranging", arranging);
    part(this.element, '[data-act="arrange"]').setAttribute("aria-pressed", String(arranging));
  }

  /** @param {boolean} editing */
  #edit(editing) {
    const form = part(this.element, "#rename");
    const field = part(form, "input");
    const focused = form.contains(document.activeElement);
    form.hidden = !editing;
    part(this.element, "#board-title").hidden = editing;
    if (editing) {
      field.value = part(this.element, "#board-title").textContent;
      field.select();
      field.focus();
    } else if (focused) {
      part(this.element, '[data-act="rename"]').focus();
    }
  }

  /** @param {SubmitEvent} event */
  #rename(event) {
    event.preventDefault();
    const id = this.#id;
    const before = id && boardOf(this.boards.all, id)?.name;
    const name = part(this.element, "#rename input").value;
    this.#edit(false);
    if (!id || !before || !name.trim() || name === before) return;
    this.boards.change((all) => renamed(all, id, name));
    tellOf(this.boards, "It has another name.", (all) => renamed(all, id, before));
  }

  #delete() {
    const place = this.boards.all.findIndex(({ id }) => id === this.#id);
    const board = this.boards.all[place];
    if (!board) return;
    this.boards.change((all) => withoutBoard(all, board.id));
    tellOf(this.boards, `${isolated(board.name)} is removed.`, (all) => withBoard(all, board, place));
  }

  #clean() {
    const id = this.#id;
    const before = id && boardOf(this.boards.all, id);
    if (!id || !before) return;
    this.boards.change((all) => withoutImages(all, id, [...this.#gone]));
    tellOf(this.boards, "They are taken off.", (all) => withBoard(all, before, all.findIndex((board) => board.id === id)));
  }
}
