// @ts-check
/**
 * What each entry of the browser's history shows, kept so that going back finds the same pictures at the same place,
 * also after a reload.
 *
 * The latest views live in memory as they are. All are written to the session's storage when they are left, bounded:
 * the least recently used are dropped first, and rebuilt from their address when somebody comes back to them.
 */

import { anyFilter } from "./ask/filters.js";
import { Feed } from "./feed.js";
import { Grid } from "./grid.js";
import { readImage } from "./images.js";

/** @typedef {import("./images.js").DetailedImage} DetailedImage */
/** @typedef {import("./layout.js").Frame} Frame */
/** @typedef {import("./places.js").Place} Place */

const PREFIX = "artalike:view:";
const ORDER = "artalike:views";
const VIEWS_IN_MEMORY = 8;
const VIEWS_STORED = 30;
/** Over all views: some thirty bytes each, of the five million characters that browsers grant. */
const PICTURES_STORED = 50_000;
const TRIMMED_AFTER = 1_000; // milliseconds

export class View {
  /** Pixels scrolled. */
  scroll = 0;
  /**
   * The first picture on the screen, to find the place again in a window of another width.
   *
   * @type {{index: number, distance: number} | null}
   */
  anchor = null;
  /** The picture that had the focus, or 0. */
  focused = 0;
  /** Up to which arrival it has taken in what is new; -1 when it has not been on the wall yet. */
  mark = -1;
  /** Arrivals that it cannot show any more. */
  missed = 0;

  /**
   * @param {string} key  of its entry in the history
   * @param {Place} place
   * @param {DetailedImage | null} question  the picture that the others are like
   * @param {Feed} feed
   * @param {Grid} grid
   */
  constructor(key, place, question, feed, grid) {
    this.key = key;
    this.place = place;
    this.question = question;
    this.feed = feed;
    this.grid = grid;
  }

  /** Whether it shows the whole collection, and so grows with it. */
  get isWhole() {
    return this.place.kind === "random" && !anyFilter(this.place.filters);
  }

  toJSON() {
    const { place, question, scroll, anchor, focused, missed } = this;
    const { first, next, total, cutoff, used } = this.feed;
    const { frame, breaks, split, pictures } = this.grid;
    const wall = { frame, breaks, split, pictures };
    return { place, question, scroll, anchor, focused, missed, first, next, total, cutoff, used, wall };
  }

  /**
   * @param {string} key
   * @param {any} saved  what `toJSON` gave, after a trip through JSON
   */
  static fromJSON(key, saved) {
    const { frame, breaks, split, pictures } = saved.wall;
    const question = readImage(saved.question);
    const seen = [...pictures.ids, ...(question ? [question.id] : [])];
    const { first, next, total, cutoff, used } = saved;
    const feed = new Feed({ first, next, total, cutoff, used, seen });
    const view = new View(key, saved.place, question, feed, Grid.restore(frame, pictures, breaks, split));
    const { scroll, anchor, focused, missed } = saved;
    return Object.assign(view, { scroll, anchor, focused, missed });
  }
}

export class Views {
  /** @type {Map<string, View>} least recently used first */
  #open = new Map();
  /** @type {Set<View>} left since the storage was last brought up to them */
  #left = new Set();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #trimming;

  /** @param {Storage | null} storage  the session's, null where it is forbidden */
  constructor(storage) {
    this.storage = storage;
  }

  /** @param {View} view */
  keep(view) {
    this.#open.delete(view.key);
    this.#open.set(view.key, view);
    // Writing thousands of pictures down takes long: not while somebody waits for the next view.
    if (this.#open.size > VIEWS_IN_MEMORY) this.#trimming ??= setTimeout(() => this.#trim(), TRIMMED_AFTER);
  }

  /**
   * Note that a view has been left: it is written down before the page goes, by `flush`.
   *
   * @param {View} view
   */
  leave(view) {
    this.#left.add(view);
  }

  /** Write down what has been left. */
  flush() {
    for (const view of this.#left) this.save(view);
    this.#left.clear();
  }

  #trim() {
    this.#trimming = undefined;
    for (const [key, oldest] of this.#open) {
      if (this.#open.size <= VIEWS_IN_MEMORY) break;
      this.save(oldest);
      this.#left.delete(oldest);
      this.#open.delete(key);
    }
  }

  /**
   * @param {string} key
   * @returns {View | null} null when it has been dropped, or never was
   */
  find(key) {
    return this.#open.get(key) ?? this.#load(key);
  }

  /**
   * Write a view down, dropping others where there is no room.
   *
   * @param {View} view
   */
  save(view) {
    if (view.grid.count > PICTURES_STORED) return this.#drop(view.key);
    const text = JSON.stringify(view);
    const others = this.#order().filter(([key]) => key !== view.key);
    /** @type {[string, number][]} */
    const order = [...others, [view.key, view.grid.count]];
    while (order.length > VIEWS_STORED || (order.length > 1 && sizes(order) > PICTURES_STORED)) this.#remove(order);
    while (order.length > 0 && !this.#write(PREFIX + view.key, text)) this.#remove(order);
    this.#write(ORDER, JSON.stringify(order));
  }

  /**
   * @param {string} key
   * @returns {View | null}
   */
  #load(key) {
    try {
      const text = this.storage?.getItem(PREFIX + key);
      return text ? View.fromJSON(key, JSON.parse(text)) : null;
    } catch {
      return null; // damaged, or written by another version: the view is rebuilt from its address
    }
  }

  /** @param {string} key */
  #drop(key) {
    const order = this.#order();
    this.storage?.removeItem(PREFIX + key);
    this.#write(ORDER, JSON.stringify(order.filter(([other]) => other !== key)));
  }

  /** @param {[string, number][]} order  the first of which goes */
  #remove(order) {
    const [key] = /** @type {[string, number]} */ (order.shift());
    this.storage?.removeItem(PREFIX + key);
  }

  /** @returns {[string, number][]} keys with their counts of pictures, least recently saved first */
  #order() {
    try {
      const order = JSON.parse(this.storage?.getItem(ORDER) ?? "[]");
      return Array.isArray(order) ? order : [];
    } catch {
      return [];
    }
  }

  /**
   * @param {string} name
   * @param {string} text
   * @returns {boolean} false when there is no room
   */
  #write(name, text) {
    try {
      this.storage?.setItem(name, text);
      return this.storage !== null;
    } catch {
      return false;
    }
  }
}

/** @param {[string, number][]} order */
function sizes(order) {
  return order.reduce((sum, [, images]) => sum + images, 0);
}
