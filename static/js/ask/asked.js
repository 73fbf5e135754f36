// @ts-check
/** What is asked, as chips: each can count more or less, turn into its opposite, and go. */

import { copy, matchList, part, tell } from "../dom.js";
import { counted } from "../format.js";
import { partsOf, placeOfParts } from "../places.js";
import { changed, describe } from "./filters.js";
import { asksForSomething, atLevel, levelOf, partOfText, same, withPart, withoutPart } from "./parts.js";
import { previewOf } from "./pictures.js";
import { labelOf, partName } from "./trail.js";

/** @typedef {import("../places.js").Place} Place */
/** @typedef {import("./parts.js").Part} Part */
/** @typedef {import("./parts.js").Level} Level */
/** @typedef {{key: string, label: string, part?: Part, without: Place, preview?: string, color?: string | null}} Chip */

/** @type {Record<Level, Level>} */
const NEXT = { normal: "more", more: "less", less: "normal" };
const LEVELS = { normal: "as much as usual", more: "more than usual", less: "less than usual" };
const OWN = "What is yours was compared and not kept; only this page still has it.";
/** @type {Record<string, string>} by the server's names */
const USED = { likeness: "likeness", words: "words", text: "meaning" };

export class Asked {
  /** @type {(place: Place) => void} called when the visitor has changed the question */
  onchange = () => {};
  /** @type {Place} */
  #place = { kind: "random", seed: null };
  /** @type {Map<string, Chip>} */
  #chips = new Map();

  /**
   * @param {HTMLElement} element           the section, with its list and forms
   * @param {HTMLTemplateElement} template  of a chip
   * @param {number} width                  the smallest thumbnails' width
   */
  constructor(element, template, width) {
    this.element = element;
    this.heading = /** @type {HTMLElement} */ (part(document, "#asked-title"));
    this.list = /** @type {HTMLElement} */ (part(element, "#chips"));
    this.template = template;
    this.width = width;
    this.list.replaceChildren(); // the server's are links, for those without scripts
    this.list.addEventListener("click", (event) => this.#click(event));
    this.list.addEventListener("keydown", (event) => this.#key(event));
    part(element, "#add").addEventListener("submit", (/** @type {Event} */ event) => this.#add(event));
  }

  /** @param {Place} place  where the visitor is */
  show(place) {
    if (JSON.stringify(place) !== JSON.stringify(this.#place)) part(this.element, "#add-text").value = "";
    this.#place = place;
    const chips = chipsOf(place, this.width);
    this.#chips = new Map(chips.map((chip) => [chip.key, chip]));
    matchList(this.list, chips, (chip) => chip.key, () => copy(this.template), (element, chip) => this.#fill(element, chip));
    this.list.hidden = chips.length === 0;
    this.element.hidden = chips.length === 0 && place.kind !== "similar";
    this.heading.hidden = place.kind === "similar"; // the picture above has one
    const label = labelOf(place);
    this.heading.textContent = label[0].toUpperCase() + label.slice(1);
    part(this.element, "#add").hidden = place.kind === "random";
  }

  /**
   * How it was answered.
   *
   * @param {{used: readonly string[], total: number | null}} answer
   */
  told({ used, total }) {
    const place = this.#place;
    const by = used.map((each) => USED[each]).filter(Boolean);
    /** @type {string[]} */
    const says = [];
    if (place.kind === "similar") says.push("The pictures most like it, the nearest first.");
    else if (by.length > 0) says.push(`Found by ${by.length > 1 ? `${by.slice(0, -1).join(", ")} and ${by.at(-1)}` : by[0]}.`);
    const wanted = partsOf(place).some((each) => each.kind === "text" && !each.away);
    if (wanted && by.length === 1 && used[0] === "likeness") says.push("No picture has the words.");
    if (place.kind === "picture" && by.length > 0) says.push(OWN);
    if (describe(place.filters).length > 0 && total) says.push(`${counted(total, "picture passes", "pictures pass")} the filters.`);
    tell(this.element, "#told", says.join(" "));
  }

  focus() {
    this.heading.focus({ preventScroll: true });
  }

  /**
   * @param {HTMLElement} element
   * @param {Chip} chip
   */
  #fill(element, { label, part: asked, preview, color }) {
    element.classList.toggle("away", asked?.away === true);
    element.classList.toggle("pictured", Boolean(preview));
    element.dataset.level = asked ? levelOf(asked) : "";
    const link = part(element, ".chip-link");
    const picture = part(element, "img");
    link.hidden = !preview;
    if (preview && picture.getAttribute("src") !== preview) picture.src = preview;
    picture.alt = preview ? label : "";
    if (asked?.kind === "id") link.href = `/similar/${asked.value}`;
    else link.removeAttribute("href");
    const dot = part(element, ".chip-color");
    dot.hidden = !color;
    dot.style.backgroundColor = color ?? "";
    const words = part(element, ".chip-words");
    words.textContent = label;
    words.hidden = Boolean(preview);
    element.title = preview ? label : "";
    const sign = part(element, ".sign");
    const weight = part(element, ".weight");
    sign.hidden = weight.hidden = !asked;
    if (asked) {
      say(sign, `${asked.away ? "Less" : "More"} like ${label}`, asked.away ? "Less like this; turn into more" : "More like this; turn into less");
      say(weight, `${label} counts ${LEVELS[levelOf(asked)]}`, `Counts ${LEVELS[levelOf(asked)]}; change`);
    }
    say(part(element, '[data-act="gone"]'), `Take away: ${label}`, "Take away");
  }

  /** @param {Event} event */
  #add(event) {
    event.preventDefault();
    const field = part(this.element, "#add-text");
    const away = field.value.trimStart().startsWith("-");
    const added = partOfText(away ? field.value.trimStart().slice(1) : field.value, away);
    if (added) this.#change(withPart(partsOf(this.#place), added));
  }

  /** @param {MouseEvent} event */
  #click(event) {
    const button = event.target instanceof Element ? event.target.closest("button") : null;
    const chip = this.#chipOf(button);
    if (button && chip) this.#act(chip, button.dataset.act ?? "");
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const chip = this.#chipOf(event.target);
    if (!chip || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = { Delete: "gone", Backspace: "gone", "+": "more", "-": "less" }[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    this.#act(chip, act);
  }

  /**
   * @param {Chip} chip
   * @param {string} act
   */
  #act(chip, act) {
    const focused = [...this.list.children].findIndex((child) => child.contains(document.activeElement));
    const asked = chip.part;
    if (act === "gone") this.onchange(chip.without);
    else if (asked && act === "sign") this.#replace(asked, { ...asked, away: !asked.away, weight: null });
    else if (asked && act === "weight") this.#replace(asked, atLevel(asked, NEXT[levelOf(asked)]));
    else if (asked) this.#replace(asked, atLevel(asked, step(levelOf(asked), act === "more")));
    // The chip is another one now, at the same place.
    const there = this.list.children[Math.min(focused, this.list.children.length - 1)];
    const button = there?.querySelector(`button[data-act="${act}"]:not([hidden])`) ?? there?.querySelector("button:not([hidden])");
    if (button instanceof HTMLElement) button.focus({ preventScroll: true });
    else this.focus();
  }

  /**
   * @param {Part} old
   * @param {Part} fresh
   */
  #replace(old, fresh) {
    this.#change(partsOf(this.#place).map((each) => (same(each, old) ? fresh : each)));
  }

  /** @param {Part[]} parts */
  #change(parts) {
    if (asksForSomething(parts)) this.onchange(placeOfParts(parts, this.#place.filters));
    else tell(this.element, "#told", "Something to look for has to stay: a picture or words. Take it away to begin anew.");
  }

  /** @param {EventTarget | null} target */
  #chipOf(target) {
    const element = target instanceof Element ? /** @type {HTMLElement | null} */ (target.closest(".chip")) : null;
    return this.#chips.get(element?.dataset.key ?? "");
  }
}

/**
 * @param {Place} place
 * @param {number} width  of thumbnails
 * @returns {Chip[]}
 */
function chipsOf(place, width) {
  /** @type {Chip[]} */
  const chips = [];
  const filters = place.filters ?? {};
  // The one picture is shown large, above.
  const parts = place.kind === "similar" ? [] : partsOf(place);
  for (const asked of parts) {
    const label = partName(asked, parts);
    const preview = asked.kind === "id" ? `/thumbs/${asked.value}/${width}` : asked.kind === "own" ? previewOf(asked.value) : "";
    chips.push({ key: `${asked.kind} ${asked.value}`, label, part: asked, preview, without: placeOfParts(withoutPart(parts, asked), filters) });
  }
  for (const { label, color, opens } of describe(filters)) {
    chips.push({ key: `filter ${Object.keys(opens)[0]}`, label, color, without: { ...place, filters: changed(filters, opens) } });
  }
  return chips;
}

/**
 * @param {Level} level
 * @param {boolean} up
 * @returns {Level}
 */
function step(level, up) {
  const order = /** @type {const} */ (["less", "normal", "more"]);
  return order[Math.max(0, Math.min(2, order.indexOf(level) + (up ? 1 : -1)))];
}

/**
 * @param {HTMLElement} button
 * @param {string} name   for those who hear it
 * @param {string} title  for those who point at it
 */
function say(button, name, title) {
  button.setAttribute("aria-label", name);
  button.title = title;
}
