// @ts-check
/**
 * The viewer: one picture over the wall, as close as one likes, with what is known of it and the way to the next.
 *
 * It has an entry of its own in the history, so that Back leads to the wall as it was and the address can be shared.
 */

import { ApiError, call } from "../api.js";
import { isPlain, part, tell } from "../dom.js";
import { nameOf, readImage, thumbnail } from "../images.js";
import { isSparing, readsAhead, theLine } from "../thrift.js";
import { viewedAt, viewerOf, wallAddress } from "./address.js";
import { Details } from "./details.js";
import { Stage } from "./stage.js";

/** @typedef {import("../images.js").DetailedImage} DetailedImage */
/** @typedef {import("./sequence.js").Sequence} Sequence */

const AHEAD = 8;
const MOVE = { duration: 240, easing: "cubic-bezier(0.2, 0, 0, 1)" };
const FAILED = "The full picture could not be loaded. This is a smaller one.";

export class Viewer {
  /** @type {DetailedImage | null} */
  image = null;
  /** @type {(image: DetailedImage | null) => void} called after another picture is shown; null when it has closed */
  onshow = () => {};
  /** @type {(event: KeyboardEvent, image: DetailedImage) => void} called with keys that it has no use for */
  onkey = () => {};
  /** @type {((id: number) => void) | null} called to ask for what is like a picture, without leaving the page */
  onlike = null;
  #title = "";
  /** @type {DOMRect | null} */
  #from = null;
  /** What it was opened with, over which wall: the focus goes back to there. @type {{id: number, key: unknown}} */
  #opened = { id: 0, key: undefined };

  /**
   * @param {HTMLDialogElement} element
   * @param {Sequence} sequence
   * @param {{widths: readonly number[], title: string, fullImages: boolean}} options  `title` of the gallery
   */
  constructor(element, sequence, { widths, title, fullImages }) {
    this.element = element;
    this.sequence = sequence;
    this.title = title;
    this.fullImages = fullImages;
    this.stage = new Stage(part(element, ".stage"), widths);
    this.details = new Details(part(element, ".viewer-text"), part(element.ownerDocument, ".near-template"), widths);
    this.#listen();
  }

  /** Follow the address: open where it names a picture, close where it names none. @param {DetailedImage | null} [known] */
  async follow(known = null) {
    const id = viewedAt(location.href);
    if (id === null) return this.#hide();
    const image = known?.id === id ? known : this.sequence.recall(id);
    if (image) return this.#show(image);
    try {
      const found = readImage(await call(`/api/images/${id}`));
      if (found && viewedAt(location.href) === id) this.#show(found);
    } catch (error) {
      if (viewedAt(location.href) !== id) return;
      if (error instanceof ApiError && error.status === 404) this.#gone();
      else this.close();
    }
  }

  /**
   * @param {number} id
   * @param {DOMRect} [from]  its place on the screen
   */
  open(id, from) {
    if (viewedAt(location.href) === id) return;
    const state = history.state ?? {};
    if (viewedAt(location.href) === null) {
      this.#from = from ?? null;
      const depth = typeof state.depth === "number" ? state.depth + 1 : 1;
      history.pushState({ ...state, depth, under: wallAddress(), over: true }, "", viewerOf(id));
    } else {
      history.replaceState(state, "", viewerOf(id));
    }
    this.follow();
  }

  /** Back to the wall. */
  close() {
    if (viewedAt(location.href) === null) return this.#hide();
    const { over, under, ...rest } = history.state ?? {};
    if (over) return history.back();
    history.replaceState(rest, "", wallAddress());
    this.#hide();
  }

  /** @param {number} id  of a picture that is not in the collection any more */
  remove(id) {
    if (this.image?.id === id) this.#gone();
  }

  /** @param {1 | -1} step  to the next picture or the one before */
  async walk(step) {
    const { sequence } = this;
    const place = this.#place;
    if (place < 0) return;
    if (step > 0 && place + (readsAhead(theLine()) ? AHEAD : 1) >= sequence.count()) {
      const coming = sequence.more();
      if (place + 1 >= sequence.count()) await coming;
    }
    const next = place + step;
    if (next >= 0 && next < sequence.count() && this.#place === place) this.open(sequence.idAt(next));
    this.#doors();
  }

  get #place() {
    return this.image ? this.sequence.indexOf(this.image.id) : -1;
  }

  #listen() {
    const { element, stage, details } = this;
    const on = (/** @type {string} */ selector, /** @type {() => void} */ act) => {
      part(element, selector).addEventListener("click", (/** @type {MouseEvent} */ event) => {
        if (!isPlain(event)) return; // a link that is opened elsewhere
        event.preventDefault();
        act();
      });
    };
    on(".close", () => this.close());
    on(".previous", () => this.walk(-1));
    on(".next", () => this.walk(1));
    on(".nearer", () => stage.step(1));
    on(".farther", () => stage.step(-1));
    on(".whole", () => stage.whole());
    on(".uncompare", () => this.#compare(null));
    on(".full-again", () => stage.first.load());
    part(element, ".more-like").addEventListener("click", (/** @type {MouseEvent} */ event) => {
      if (!isPlain(event) || !this.onlike || !this.image) return;
      event.preventDefault();
      const { id } = this.image;
      this.#hide(false);
      this.onlike(id);
    });
    stage.onswipe = (step) => this.walk(step);
    stage.onzoom = () => this.#zoomed();
    stage.first.onfull = () => this.#full();
    details.oncompare = (image) => this.#compare(stage.second.image?.id === image.id ? null : image);
    element.addEventListener("keydown", (event) => this.#key(event));
    element.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.#escape();
    });
    element.addEventListener("close", () => this.image && this.close()); // by the browser itself
    // What is pasted or dropped asks the wall below for nothing.
    for (const type of ["paste", "dragenter", "dragover", "drop"]) element.addEventListener(type, (event) => event.stopPropagation());
    addEventListener("popstate", () => this.follow());
  }

  /** @param {DetailedImage} image */
  #show(image) {
    const { element, stage } = this;
    const opened = !this.image;
    if (opened) {
      this.#title = document.title;
      this.#opened = { id: image.id, key: history.state?.key };
      element.removeAttribute("open"); // as the server has rendered it: there, but not over all else
      document.documentElement.classList.add("viewing");
      element.showModal();
    }
    this.image = image;
    element.classList.remove("gone");
    this.details.show(image);
    stage.show(image);
    this.#full();
    if (this.#wantsFull) stage.first.load();
    document.title = this.#titleOf(image);
    tell(element, ".viewer-said", nameOf(image));
    if (opened) {
      element.focus({ preventScroll: true });
      this.#arrive();
    }
    part(element, ".viewer-text").scrollTop = 0;
    this.#doors();
    this.#readAhead();
    this.onshow(image);
  }

  /** @param {boolean} [staying]  on the wall below */
  #hide(staying = true) {
    const { image, element } = this;
    if (!element.open) return;
    this.image = null;
    if (image && document.title === this.#titleOf(image)) document.title = this.#title;
    this.stage.clear();
    this.details.clear();
    element.close();
    document.documentElement.classList.remove("viewing");
    // Where it was opened the browser puts the focus back by itself.
    const { id, key } = this.#opened;
    if (staying && image && image.id !== id && history.state?.key === key) this.sequence.focus(image.id);
    this.onshow(null);
  }

  /** @param {DetailedImage} image */
  #titleOf(image) {
    return `${nameOf(image)} – ${this.title}`;
  }

  #gone() {
    this.element.classList.add("gone");
    this.stage.clear();
    if (!this.element.open) this.element.showModal();
    tell(this.element, ".viewer-said", "This picture is no longer in the collection.");
  }

  /** @param {DetailedImage | null} image  to lie beside the picture */
  #compare(image) {
    const { stage } = this;
    stage.compare(image);
    if (image && this.#wantsFull) stage.second.load();
    this.details.mark(image?.id ?? null);
    part(this.element, ".uncompare").hidden = image === null;
    for (const [pane, shown] of /** @type {const} */ ([[stage.first, this.image], [stage.second, image]])) {
      tell(pane.element, ".pane-note", image && shown ? `${shown.width} × ${shown.height}` : "");
    }
  }

  #escape() {
    if (this.stage.comparing) this.#compare(null);
    else this.close();
  }

  get #wantsFull() {
    return this.fullImages && !isSparing(theLine());
  }

  /** Whoever looks closer wants more than the thumbnail, whatever it costs. */
  #zoomed() {
    const { stage } = this;
    part(this.element, ".farther").disabled = stage.zoom.scale <= 1;
    part(this.element, ".whole").disabled = stage.zoom.scale <= 1;
    part(this.element, ".nearer").disabled = stage.zoom.scale >= stage.first.frame.most;
    if (stage.zoom.scale > 1 && this.fullImages && stage.first.full === "none") stage.first.load();
  }

  #full() {
    const { full } = this.stage.first;
    tell(this.element, ".full-said", full === "failed" ? FAILED : "");
    part(this.element, ".full-state").hidden = full !== "failed";
    part(this.element, ".full-coming").hidden = full !== "coming";
  }

  /** Which ways there are. */
  #doors() {
    const place = this.#place;
    part(this.element, ".previous").hidden = place <= 0;
    part(this.element, ".next").hidden = place < 0 || place + 1 >= this.sequence.count();
  }

  /** The thumbnails on both sides, and more of the wall before its end is reached. */
  #readAhead() {
    const place = this.#place;
    if (place < 0) return;
    const ahead = readsAhead(theLine());
    const { sequence } = this;
    const count = sequence.count();
    const width = /** @type {number} */ (this.stage.first.widths.at(-1));
    for (const near of ahead ? [place + 1, place - 1] : []) {
      if (near >= 0 && near < count) new Image().src = thumbnail({ id: sequence.idAt(near) }, width);
    }
    if (place + (ahead ? AHEAD : 1) >= count) sequence.more().then(() => this.image && this.#doors());
  }

  /** Let the picture come from where it was on the wall. */
  #arrive() {
    const from = this.#from;
    this.#from = null;
    if (!from?.width || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    const frame = part(this.element, ".pane");
    const to = part(frame, ".pane-picture").getBoundingClientRect();
    const x = from.left + from.width / 2 - (to.left + to.width / 2);
    const y = from.top + from.height / 2 - (to.top + to.height / 2);
    const start = { transform: `translate(${x}px, ${y}px) scale(${from.width / to.width})` };
    frame.animate([start, { transform: "none" }], MOVE);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    event.stopPropagation(); // the wall's keys are the wall's
    const target = /** @type {Element} */ (event.target);
    if (event.key === "Escape" || !isPlainKey(event) || target.matches("input, textarea, select")) return;
    const acts = this.#acts(event.key, target.closest(".viewer-text") !== null);
    if (acts) {
      event.preventDefault();
      acts();
    } else if (this.image) {
      this.onkey(event, this.image);
    }
  }

  /**
   * @param {string} key
   * @param {boolean} reading  whether the focus is in the text beside the picture, which keys scroll
   * @returns {(() => void) | undefined}
   */
  #acts(key, reading) {
    const { stage } = this;
    /** @type {Record<string, () => void>} */
    const always = {
      "+": () => stage.step(1),
      "=": () => stage.step(1),
      "-": () => stage.step(-1),
      0: () => stage.whole(),
      n: () => this.walk(1),
      p: () => this.walk(-1),
      m: () => part(this.element, ".more-like").click(),
      i: () => this.element.classList.toggle("bare"),
      Backspace: () => this.close(),
      v: () => this.close(),
    };
    if (always[key]) return always[key];
    const near = stage.zoom.scale > 1;
    /** @type {Record<string, [number, number]>} */
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const way = ways[key];
    if (!way) return undefined;
    if (near && !reading) return () => stage.look(...way);
    return way[0] === 0 ? undefined : () => this.walk(way[0] > 0 ? 1 : -1);
  }
}

/** @param {KeyboardEvent} event  Shift is needed for `+` and `?` on many keyboards */
function isPlainKey(event) {
  return !(event.ctrlKey || event.metaKey || event.altKey);
}
