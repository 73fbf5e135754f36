// @ts-check
/**
 * The visitor's boards, in the browser's storage: read and written whole, in one go, so that two tabs never undo each
 * other. Where storage is full or forbidden they live as long as the page.
 */

import { readBoards } from "./model.js";

/** @typedef {import("./model.js").Board} Board */

const KEY = "artalike:boards";

export class Boards {
  /** @type {"kept" | "forbidden" | "full"} whether changes outlive the page */
  state = "kept";
  /** @type {Set<() => void>} called after anything has changed, also by another tab */
  listeners = new Set();
  /** What storage held when it was last read. @type {string | null | undefined} */
  #text;
  /** @type {Board[]} */
  #boards = [];

  /** @param {Storage | null} storage  null where it is forbidden */
  constructor(storage) {
    this.storage = storage;
    if (!storage) this.state = "forbidden";
    addEventListener("storage", (event) => {
      if (event.key === KEY || event.key === null) this.#tell();
    });
  }

  /** @returns {readonly Board[]} the favourites first */
  get all() {
    const text = this.state === "kept" ? this.#read() : this.#text;
    if (text !== this.#text || this.#boards.length === 0) {
      this.#text = text;
      this.#boards = readBoards(parse(text));
    }
    return this.#boards;
  }

  /**
   * @param {(boards: readonly Board[]) => Board[]} make  the boards as they are to be, of those that are there
   */
  change(make) {
    this.#boards = make(this.all);
    const text = JSON.stringify(this.#boards);
    try {
      this.storage?.setItem(KEY, text);
      if (this.storage) this.state = "kept";
    } catch {
      this.state = "full";
    }
    this.#text = text;
    this.#tell();
  }

  #read() {
    try {
      return this.storage?.getItem(KEY) ?? null;
    } catch {
      return null;
    }
  }

  #tell() {
    for (const listener of this.listeners) listener();
  }
}

/** @returns {Storage | null} that of all tabs; null where it is forbidden */
export function sharedStorage() {
  try {
    return localStorage;
  } catch {
    return null;
  }
}

/** @param {string | null | undefined} text */
function parse(text) {
  try {
    return JSON.parse(text ?? "[]");
  } catch {
    return []; // damaged: nothing can be shown of it
  }
}
