// @ts-check
/** The gallery: one view at a time on the wall, moved between by the browser's history without loading pages. */

import { call } from "./api.js";
import { remember } from "./ask/known.js";
import { fly, positions } from "./ask/moves.js";
import { further, labelOf } from "./ask/trail.js";
import { entry, freshKey } from "./entries.js";
import { Feed } from "./feed.js";
import { Grid } from "./grid.js";
import { Growth } from "./growth.js";
import { nameOf, readImage } from "./images.js";
import { sameFrame } from "./layout.js";
import { Nearby } from "./nearby.js";
import { answersOf, pageOf, placeOf } from "./places.js";
import { View } from "./views.js";
import { wallAddress } from "./viewer/address.js";

/** @typedef {import("./arrivals.js").Arrivals} Arrivals */
/** @typedef {import("./entries.js").Entry} Entry */
/** @typedef {import("./images.js").DetailedImage} DetailedImage */
/** @typedef {import("./places.js").Place} Place */
/** @typedef {import("./question.js").Question} Question */
/** @typedef {import("./views.js").Views} Views */
/** @typedef {import("./wall.js").Wall} Wall */

const GONE_KEPT = 2_000;

export class Gallery {
  /** @type {() => void} called whenever what there is to tell has changed */
  onchange = () => {};
  /** @type {(view: View, entry: Entry) => void} called when another view is on the wall, or its question is known */
  onshow = () => {};
  /** @type {Set<number>} pictures that have been removed from the collection, the latest last */
  #gone = new Set();
  /** Where pictures hung before the view that is to be filled now. @type {Map<string, DOMRect> | null} */
  #before = null;

  /**
   * @param {object} parts
   * @param {Wall} parts.wall
   * @param {Question} parts.question
   * @param {Views} parts.views
   * @param {Arrivals} parts.arrivals
   * @param {number} parts.pageSize
   * @param {string} parts.title
   */
  constructor({ wall, question, views, arrivals, pageSize, title }) {
    this.wall = wall;
    this.question = question;
    this.views = views;
    this.pageSize = pageSize;
    this.title = title;
    this.view = this.#create({ kind: "random", seed: null }); // nothing, until `start`
    this.growth = new Growth(arrivals, wall, this.view);
    this.growth.onchange = () => this.onchange();
    this.nearby = new Nearby();
    this.nearby.onlearnt = (pictures) => pictures === this.view.grid.pictures && wall.learn();
    wall.onrender = (from, to) => {
      this.nearby.attend(this.view.grid.pictures, from, to);
      this.#continue();
    };
    wall.onopen = (index, tile) => this.#open(index, tile);
  }

  /**
   * Take the page over: as it was left when there is something to go back to, else with the server's answer.
   *
   * @param {object} first
   * @param {DetailedImage | null} first.question
   * @param {DetailedImage[]} first.images
   * @param {string} first.first        the address of this answer
   * @param {string | null} first.next
   * @param {number | null} first.total
   * @param {number | null} first.cutoff
   * @param {readonly string[]} first.used
   */
  start(first) {
    const place = placeOf(wallAddress()) ?? { kind: "random", seed: null };
    const key = entry().key;
    const kept = key ? this.views.find(key) : null;
    if (kept && pageOf(kept.place) === pageOf(place)) {
      this.#show(kept);
    } else {
      const { next, total, cutoff, used } = first;
      // The server has nothing for a visitor's own picture.
      const answers = place.kind === "picture" ? undefined : { first: first.first, next, total, cutoff, used };
      const view = this.#create(place, first.question, answers);
      view.grid.add(view.feed.admit(first.images), cutoff);
      history.replaceState({ ...entry(), key: view.key }, "");
      this.#show(view);
    }
    history.scrollRestoration = "manual";
    addEventListener("popstate", () => this.#return());
    const goes = () => {
      this.leave();
      this.views.flush();
    };
    addEventListener("pagehide", goes);
    document.addEventListener("visibilitychange", () => document.hidden && goes());
    new ResizeObserver(() => this.fit()).observe(this.wall.element);
  }

  /**
   * Go to a place by a new entry in the history.
   *
   * @param {Place} place
   * @param {object} [known]                       what is known of it already
   * @param {DetailedImage | null} [known.question]
   * @param {DetailedImage[]} [known.images]
   * @param {boolean} [known.instead]              in place of the entry where the visitor is
   * @param {boolean} [known.stay]                 the focus stays where it is
   */
  go(place, { question = null, images = [], instead = false, stay = false } = {}) {
    this.leave();
    const { depth, trail } = entry();
    const before = positions(this.wall.element);
    const view = this.#create(place, question);
    view.grid.add(view.feed.admit(images));
    if (instead) history.replaceState({ key: view.key, depth, trail }, "", pageOf(place));
    else history.pushState({ key: view.key, depth: depth + 1, trail: further(trail, this.view.place) }, "", pageOf(place));
    this.#before = before;
    this.#show(view);
    if (question && !stay) this.question.focus();
  }

  /** One step back, where there is one inside the gallery; else from a picture to the wall. */
  back() {
    if (entry().depth > 0) history.back();
    else if (!this.view.isWhole) this.go({ kind: "random", seed: null });
  }

  /**
   * A picture has been removed from the collection: it goes from the wall now, and from other views before they are
   * shown again. What is being looked at stays where it is, as far as it can.
   *
   * @param {number} id
   */
  remove(id) {
    if (this.#gone.has(id)) return;
    this.#gone.add(id);
    for (const oldest of this.#gone) {
      if (this.#gone.size <= GONE_KEPT) break;
      this.#gone.delete(oldest);
    }
    const { view, wall } = this;
    const anchor = wall.anchor;
    const index = view.grid.pictures.indexOf(id);
    this.#forget(view, [id]);
    if (index >= 0) {
      wall.drop(index);
      wall.restore(index < anchor.index ? { ...anchor, index: anchor.index - 1 } : anchor);
    }
    this.#present(view);
    this.#changed();
  }

  /** The wall has another width or density: lay out again around what is being looked at. */
  fit() {
    const { view, wall } = this;
    const frame = wall.frame;
    if (frame.width === 0 || sameFrame(frame, view.grid.frame)) return;
    const anchor = wall.anchor;
    view.grid.resize(frame);
    wall.refresh();
    wall.restore(anchor);
  }

  /** Note where the visitor is, for when they come back. */
  leave() {
    const { view, wall } = this;
    view.scroll = scrollY;
    view.anchor = wall.anchor;
    const focused = wall.indexOf(document.activeElement);
    view.focused = focused < 0 ? 0 : view.grid.pictures.id(focused);
    this.views.leave(view);
  }

  /**
   * @param {Place} place
   * @param {DetailedImage | null} [question]
   * @param {{first: string, next: string | null, total: number | null, cutoff: number | null, used: readonly string[]}} [answers]
   */
  #create(place, question = null, answers) {
    const first = answersOf(place, this.pageSize);
    const seen = [...this.#gone, ...(place.kind === "similar" ? [place.id] : [])];
    const feed = new Feed({ first, next: first, total: null, ...answers, seen, pageSize: this.pageSize });
    return new View(freshKey(), place, question, feed, new Grid(this.wall.frame));
  }

  /** The history has moved: show what its entry showed. */
  #return() {
    const place = placeOf(wallAddress());
    if (!place) return;
    const { key } = entry();
    if (key === this.view.key) return; // the viewer has opened or closed over it
    if (!key && pageOf(place) === pageOf(this.view.place)) {
      history.replaceState({ ...entry(), key: this.view.key }, ""); // a link within the page
      return;
    }
    this.leave();
    const view = (key && this.views.find(key)) || this.#create(place);
    if (view.key !== key) history.replaceState({ ...entry(), key: view.key }, "");
    this.#before = null;
    this.#show(view);
  }

  /** @param {View} view */
  #show(view) {
    this.#release(this.view);
    this.#forget(view, this.#gone);
    this.view = view;
    this.growth.follow(view);
    this.views.keep(view);
    view.feed.onpage = (images) => {
      this.#add(images);
      this.#ask(view);
    };
    view.feed.onstate = () => this.#changed();
    this.#present(view);
    this.wall.more = view.feed.isOpen;
    const fits = sameFrame(view.grid.frame, this.wall.frame);
    if (!fits) view.grid.resize(this.wall.frame);
    this.wall.show(view.grid, view.scroll);
    if (!fits && view.anchor) this.wall.restore(view.anchor);
    this.#focus(view);
    this.#changed();
  }

  /**
   * Take removed pictures out of a view.
   *
   * @param {View} view
   * @param {Iterable<number>} gone
   */
  #forget(view, gone) {
    const ids = new Set(gone);
    for (const id of ids) view.feed.exclude(id);
    for (let index = view.grid.count - 1; index >= 0 && ids.size > 0; index--) {
      if (ids.has(view.grid.pictures.id(index))) view.grid.remove(index);
    }
    if (view.place.kind === "similar" && ids.has(view.place.id)) {
      view.question = null;
      view.feed.vanish();
    }
  }

  /** @param {View} view */
  #release(view) {
    view.feed.onpage = () => {};
    view.feed.onstate = () => {};
    view.feed.stop();
  }

  /** @param {View} view */
  #focus(view) {
    if (!view.focused) return;
    const index = view.grid.pictures.indexOf(view.focused);
    this.wall.tile(index)?.querySelector("a")?.focus({ preventScroll: true });
  }

  /**
   * @param {number} index
   * @param {HTMLElement} tile
   */
  #open(index, tile) {
    const { pictures } = this.view.grid;
    const from = tile.getBoundingClientRect();
    tile.querySelector("a")?.focus({ preventScroll: true });
    this.go({ kind: "similar", id: pictures.id(index), filters: this.view.place.filters }, { question: pictures.at(index) });
    this.question.arriveFrom(from);
  }

  /**
   * A view rebuilt from its address alone does not know its question yet.
   *
   * @param {View} view
   */
  async #ask(view) {
    if (view.place.kind !== "similar" || view.question) return;
    try {
      view.question = readImage(await call(`/api/images/${view.place.id}`));
    } catch {
      return; // asked again with the next page of answers
    }
    if (view === this.view) this.present();
  }

  /** Show again what the question is: more is known of it. */
  present() {
    this.#present(this.view);
    this.wall.refresh();
  }

  /** @param {View} view */
  #present(view) {
    if (view.question) remember(view.question);
    this.question.show(view.question);
    const asked = view.question ? nameOf(view.question) : view.isWhole ? "" : labelOf(view.place);
    document.title = asked ? `${asked} – ${this.title}` : this.title;
    this.onshow(view, entry());
  }

  /** @param {DetailedImage[]} images */
  #add(images) {
    this.view.grid.add(images, this.view.feed.cutoff);
    this.wall.refresh();
    if (this.#before) fly(this.wall.element, this.#before);
    this.#before = null;
  }

  #changed() {
    this.wall.more = this.view.feed.isOpen;
    this.growth.settle();
    this.#continue();
    this.onchange();
  }

  /** Fetch on, well before the visitor comes to the end. */
  #continue() {
    if (!this.wall.nearEnd) return;
    if (this.view.feed.state === "idle") this.view.feed.load();
    else this.growth.catchUp();
  }
}
