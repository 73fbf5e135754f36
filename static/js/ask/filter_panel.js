// @ts-check
/** The filters as a form: what can be chosen with how many pictures each lets pass, and a colour wheel. */

import { call } from "../api.js";
import { part, tell } from "../dom.js";
import { count } from "../format.js";
import { isolated, plain } from "../images.js";
import { hexOf } from "./colors.js";
import { changed, NAMES } from "./filters.js";
import { Wheel } from "./wheel.js";

/** @typedef {import("./filters.js").Filters} Filters */
/** @typedef {{value: string, images: number}} Value */

const VALUES_MOST = 60;
const FRESH = 60_000;
const LABEL_LENGTH = 60;
const PAUSE = 350;

export class FilterPanel {
  /** @type {(filters: Filters, instead: boolean) => void} `instead`: it goes on with the change before */
  onchange = () => {};
  /** @type {Filters} */
  #filters = {};
  #loadedAt = -Infinity;
  /** Whether something was changed since the panel was opened. */
  #began = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #pause;

  /** @param {HTMLDetailsElement} element */
  constructor(element) {
    this.element = element;
    this.form = /** @type {HTMLFormElement} */ (part(element, "form"));
    this.wheel = new Wheel(part(element, "#wheel"), part(element, "#lightness"));
    this.wheel.onpick = (hex, final) => {
      this.#field("color").value = hex;
      this.#later(final ? 0 : PAUSE);
    };
    element.addEventListener("toggle", () => this.#toggled());
    element.addEventListener("keydown", (event) => this.#key(event));
    document.addEventListener("pointerdown", (event) => {
      if (element.open && event.target instanceof Node && !element.contains(event.target)) element.open = false;
    });
    this.form.addEventListener("input", (event) => this.#typed(event));
    this.form.addEventListener("change", (event) => event.target !== part(this.element, "#lightness") && this.#later(0));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#apply();
      element.open = false;
      part(element, "summary").focus();
    });
    part(element, "#no-color").addEventListener("click", () => {
      this.#field("color").value = "";
      this.#apply();
    });
    part(element, "#no-filters").addEventListener("click", (/** @type {MouseEvent} */ event) => {
      event.preventDefault();
      this.#set({});
    });
  }

  /**
   * @param {Filters} filters  that are in force
   * @param {number} chips     how many things they say
   */
  show(filters, chips) {
    this.#filters = filters;
    this.#fill();
    const badge = part(this.element, "#filters-on");
    badge.hidden = chips === 0;
    part(badge, "span").textContent = count(chips);
  }

  #fill() {
    for (const name of NAMES) {
      const field = this.form.elements.namedItem(name);
      if (field && field !== document.activeElement) this.#write(name, this.#filters[name] ?? (name === "tolerance" ? "20" : ""));
    }
    this.wheel.show(hexOf(this.#filters.color ?? ""));
  }

  /** @param {string} words  how many pass, or why that cannot be told */
  told(words) {
    tell(this.element, "#passing", words);
  }

  #toggled() {
    this.#began = false;
    if (this.element.open && performance.now() - this.#loadedAt > FRESH) this.#load();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key !== "Escape" || !this.element.open) return;
    event.preventDefault();
    this.element.open = false;
    part(this.element, "summary").focus();
  }

  async #load() {
    this.#loadedAt = performance.now();
    let facets;
    try {
      facets = await call(`/api/facets?limit=${VALUES_MOST}`);
    } catch {
      this.#loadedAt = -Infinity; // asked again when it is opened again; fields can be filled without
      return;
    }
    for (const [name, values] of [["host", facets?.hosts], ["source", facets?.sources], ["rights", facets?.rights]]) {
      this.#offer(this.#field(name), readValues(values));
    }
    part(this.element, "#creators").replaceChildren(
      ...readValues(facets?.creators).map(({ value, images }) => new Option(`${count(images)} pictures`, value)),
    );
    const { from, to } = facets?.years ?? {};
    const known = Number.isInteger(from) && Number.isInteger(to);
    tell(this.element, "#years-known", known ? `${year(from)} to ${year(to)}` : "");
    this.#fill();
  }

  /**
   * @param {HTMLSelectElement} select
   * @param {Value[]} values
   */
  #offer(select, values) {
    const options = values.map(({ value, images }) => {
      const label = value.length > LABEL_LENGTH ? `${value.slice(0, LABEL_LENGTH)}…` : value;
      return new Option(`${isolated(label)} (${count(images)})`, value);
    });
    const chosen = select.value;
    select.replaceChildren(new Option("any", ""), ...options);
    this.#write(select.name, chosen);
    /** @type {HTMLElement} */ (select.closest("label")).hidden = values.length === 0 && chosen === "";
  }

  /** @param {Event} event */
  #typed(event) {
    const field = /** @type {HTMLInputElement} */ (event.target);
    if (field.name === "color" && hexOf(field.value)) this.wheel.show(hexOf(field.value));
  }

  /** @param {number} milliseconds */
  #later(milliseconds) {
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => this.#apply(), milliseconds);
  }

  #apply() {
    clearTimeout(this.#pause);
    const color = this.#field("color");
    const hex = hexOf(color.value);
    color.setCustomValidity(color.value && !hex ? "A colour is # and six digits or letters a to f, such as #c0392b" : "");
    if (!this.form.reportValidity()) return;
    /** @type {Filters} */
    const filters = {};
    for (const name of NAMES) {
      const field = this.form.elements.namedItem(name);
      if (field) filters[name] = this.#field(name).value.trim();
    }
    this.#set({ ...filters, color: hex });
  }

  /** @param {Filters} filters */
  #set(filters) {
    const kept = this.#filters.min_width ? { min_width: this.#filters.min_width } : {};
    const wanted = changed({}, Object.keys(filters).length > 0 ? { ...kept, ...filters } : {});
    if (JSON.stringify(wanted) === JSON.stringify(changed(this.#filters, {}))) return;
    const instead = this.#began;
    this.#began = true;
    this.onchange(wanted, instead);
  }

  /**
   * @param {string} name
   * @param {string} value
   */
  #write(name, value) {
    const field = this.#field(name);
    // A value that no facet names is one all the same.
    if (field instanceof HTMLSelectElement && value && ![...field.options].some((option) => option.value === value)) {
      field.append(new Option(isolated(value.slice(0, LABEL_LENGTH)), value));
    }
    if (field.value !== value) field.value = value;
  }

  /** @param {string} name */
  #field(name) {
    return /** @type {any} */ (this.form.elements.namedItem(name));
  }
}

/**
 * @param {unknown} values
 * @returns {Value[]}
 */
function readValues(values) {
  if (!Array.isArray(values)) return [];
  return values.map((raw) => ({ value: plain(raw?.value), images: Number(raw?.images) || 0 })).filter(({ value }) => value);
}

/** @param {number} value */
function year(value) {
  return value < 0 ? `${-value} BC` : String(value);
}
