// @ts-check
/**
 * The way from question to question: each entry of the history holds the steps behind it, so that Back and the trail
 * agree, and what lies ahead after going back is remembered while the page is open.
 */

import { copy, isPlain, matchList, part } from "../dom.js";
import { inline, nameOf } from "../images.js";
import { pageOf, partsOf } from "../places.js";
import { describe } from "./filters.js";
import { recall } from "./known.js";
import { ownKeys } from "./parts.js";
import { previewOf } from "./pictures.js";

/** @typedef {import("../places.js").Place} Place */
/** @typedef {{place: Place, ids: number[], words: string, label: string}} Step  up to three pictures, what is asked beside them, all in words */

const STEPS_MOST = 24;
const PICTURES_MOST = 3;
const WORDS_LENGTH = 80;
const LABEL_LENGTH = 400;

/**
 * @param {Place} place
 * @returns {Step}
 */
export function stepOf(place) {
  const parts = partsOf(place);
  const ids = parts.filter((part) => part.kind === "id" && !part.away).map((part) => Number(part.value));
  const texts = parts.filter(({ kind }) => kind === "text" || kind === "url").map(({ value, away }) => (away ? `− ${inline(value)}` : inline(value)));
  const words = [...texts, ...describe(place.filters).map((chip) => chip.label)].join(", ");
  const label = labelOf(place).slice(0, LABEL_LENGTH);
  return { place, ids: ids.slice(0, PICTURES_MOST), words: words.slice(0, WORDS_LENGTH), label };
}

/**
 * @param {import("./parts.js").Part} part
 * @param {readonly import("./parts.js").Part[]} parts  among which it is
 */
export function partName({ kind, value }, parts) {
  if (kind === "own") {
    const keys = ownKeys(parts);
    return keys.length > 1 ? `your picture ${keys.indexOf(value) + 1}` : "your picture";
  }
  const image = kind === "id" ? recall(Number(value)) : undefined;
  return kind === "id" ? (image ? nameOf(image) : `picture ${value}`) : inline(value);
}

/**
 * What is asked at a place, in words.
 *
 * @param {Place} place
 */
export function labelOf(place) {
  const narrowed = describe(place.filters).map((chip) => chip.label);
  const parts = partsOf(place);
  const spoken = parts.map((part) => (part.away ? `less like ${partName(part, parts)}` : partName(part, parts)));
  const all = [...spoken, ...narrowed];
  if (all.length > 0) return all.join(", ");
  return place.kind === "random" && place.seed !== null ? "shuffled" : "all pictures";
}

/**
 * What an entry of the history holds of the way to it.
 *
 * @param {readonly Step[]} trail  the way to the entry before
 * @param {Place} place            where that is
 * @returns {Step[]}
 */
export function further(trail, place) {
  return [...trail, stepOf(place)].slice(-STEPS_MOST);
}

export class Trail {
  /** @type {{steps: Step[], at: number, depth: number}} */
  #way = { steps: [], at: 0, depth: 0 };

  /**
   * @param {HTMLElement} element            the nav, with a list
   * @param {HTMLTemplateElement} template   of a step
   * @param {number} width                   the smallest thumbnails' width
   */
  constructor(element, template, width) {
    this.element = element;
    this.list = /** @type {HTMLElement} */ (part(element, "ol"));
    this.template = template;
    this.width = width;
    element.addEventListener("click", (event) => this.#click(event));
  }

  /**
   * @param {Place} place
   * @param {{trail: Step[], depth: number}} entry  of the history
   */
  show(place, { trail, depth }) {
    const before = this.#way;
    const current = stepOf(place);
    // Steps ahead are still there when the history has only moved; going somewhere new from here drops them.
    const index = before.at + depth - before.depth;
    const moved = before.steps[index] && pageOf(before.steps[index].place) === pageOf(place);
    const rest = moved ? before.steps.slice(index + 1) : [];
    this.#way = { steps: [...trail, current, ...rest].slice(0, trail.length + STEPS_MOST), at: trail.length, depth };
    this.#render();
  }

  #render() {
    const { steps, at } = this.#way;
    this.element.hidden = steps.length < 2;
    matchList(this.list, steps.map((step, place) => ({ step, place })), ({ step, place }) => `${place} ${pageOf(step.place)}`,
      () => copy(this.template), (element, { step, place }) => this.#fill(element, step, place - at));
    const here = /** @type {HTMLElement | undefined} */ (this.list.children[at]);
    // One that is not seen is not measured: that would lay the whole page out.
    if (here && !this.element.hidden) this.list.scrollLeft = here.offsetLeft + here.offsetWidth / 2 - this.list.clientWidth / 2;
  }

  /**
   * @param {HTMLElement} element
   * @param {Step} step
   * @param {number} distance  from where the visitor is; behind it is negative
   */
  #fill(element, step, distance) {
    const link = part(element, "a");
    link.href = pageOf(step.place);
    link.dataset.distance = String(distance);
    link.title = step.label;
    if (distance === 0) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
    element.classList.toggle("ahead", distance > 0);
    const words = part(element, ".step-words");
    const own = ownKeys(partsOf(step.place)).map(previewOf).filter(Boolean);
    const sources = [...own, ...step.ids.map((id) => `/thumbs/${id}/${this.width}`)].slice(0, PICTURES_MOST);
    // A picture speaks for itself.
    words.textContent = sources.length > 0 ? step.words : step.label.slice(0, WORDS_LENGTH);
    words.hidden = words.textContent === "";
    part(element, ".step-label").textContent = step.label;
    const pictures = part(element, ".step-pictures");
    if (pictures.dataset.shown === sources.join(" ")) return;
    pictures.dataset.shown = sources.join(" ");
    pictures.replaceChildren(...sources.map((source) => Object.assign(new Image(28, 28), { src: source, alt: "", decoding: "async" })));
  }

  /** @param {MouseEvent} event */
  #click(event) {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (!link || event.button !== 0 || !isPlain(event)) return;
    event.preventDefault();
    const distance = Number(link.dataset.distance);
    if (distance !== 0) history.go(distance);
  }
}
