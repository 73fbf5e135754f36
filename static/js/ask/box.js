// @ts-check
/**
 * The box that everything is asked in: words and addresses with suggestions while they are typed, and pictures as files,
 * photos, pasted or dropped anywhere on the page.
 *
 * A combobox with a list, https://www.w3.org/WAI/ARIA/apg/patterns/combobox/
 */

import { call } from "../api.js";
import { copy, isPlain, isTyping, part } from "../dom.js";
import { counted } from "../format.js";
import { isolated, plain } from "../images.js";
import { addressOf, pictureOf } from "./transfer.js";

/** @typedef {{kind: "creator" | "title" | "add" | "less", value: string, id: number, images: number}} Suggestion */

const PAUSE = 120;
const SUGGESTED = 8;
const SHORTEST = 2;

export class Box {
  /** @type {(text: string, adding: boolean) => void} `adding` to what is asked already */
  ontext = () => {};
  /** @type {(suggestion: Suggestion) => void} */
  onchoice = () => {};
  /** @type {(file: Blob, adding: boolean) => void} */
  onpicture = () => {};
  /** Whether words can be added to what is asked already. */
  asking = false;
  /** @type {Suggestion[]} */
  #suggestions = [];
  #active = -1;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #pause;
  /** @type {AbortController | null} */
  #request = null;
  #over = 0;

  /**
   * @param {HTMLElement} page
   * @param {number} width  the smallest thumbnails' width
   */
  constructor(page, width) {
    this.form = /** @type {HTMLFormElement} */ (part(page, "#ask"));
    this.field = /** @type {HTMLInputElement} */ (part(page, "#ask-text"));
    this.list = /** @type {HTMLElement} */ (part(page, "#suggestions"));
    this.template = /** @type {HTMLTemplateElement} */ (part(page, "#suggestion"));
    this.overlay = /** @type {HTMLElement} */ (part(page, "#drop"));
    this.width = width;
    const { field } = this;
    const roles = { role: "combobox", "aria-autocomplete": "list", "aria-controls": "suggestions", "aria-expanded": "false" };
    for (const [name, value] of Object.entries(roles)) field.setAttribute(name, value);
    field.addEventListener("input", () => this.#typed());
    field.addEventListener("focus", () => field.select());
    field.addEventListener("blur", () => this.#close());
    field.addEventListener("keydown", (event) => this.#key(event));
    this.form.addEventListener("submit", (event) => this.#submit(event));
    this.list.addEventListener("pointerdown", (event) => event.preventDefault()); // the focus stays in the field
    this.list.addEventListener("click", (event) => this.#choose(this.#indexOf(event.target)));
    for (const [button, input] of [["#ask-file", "#file"], ["#ask-camera", "#camera"], ["#add-file", "#added-file"]]) {
      this.#opens(part(page, button), part(page, input), button === "#add-file");
    }
    this.#listen();
  }

  /** @param {string} text  what is asked, as words */
  show(text) {
    if (document.activeElement !== this.field) this.field.value = text;
  }

  /**
   * @param {HTMLElement} button
   * @param {HTMLInputElement} input
   * @param {boolean} adding
   */
  #opens(button, input, adding) {
    button.addEventListener("click", () => input.click());
    input.addEventListener("change", () => {
      const file = input.files?.[0];
      if (file) this.onpicture(file, adding);
      input.value = ""; // so that the same file can be chosen again
    });
  }

  #listen() {
    addEventListener("keydown", (event) => {
      if (event.key !== "/" || !isPlain(event) || isTyping(event.target) || event.defaultPrevented) return;
      event.preventDefault();
      this.field.focus();
    });
    addEventListener("paste", (event) => {
      // A picture that is pasted where words are added is added as well.
      const adding = event.target instanceof Element && event.target.closest("#add") !== null;
      this.#take(event.clipboardData, event, { typing: isTyping(event.target), adding });
    });
    addEventListener("dragenter", (event) => this.#hover(event, 1));
    addEventListener("dragleave", (event) => this.#hover(event, -1));
    addEventListener("dragover", (event) => takes(event.dataTransfer) && event.preventDefault());
    addEventListener("drop", (event) => {
      const adding = this.asking && event.target instanceof Element && event.target.closest(".drop-add") !== null;
      this.#over = 0;
      this.overlay.hidden = true;
      this.#take(event.dataTransfer, event, { adding });
    });
  }

  /**
   * @param {DragEvent} event
   * @param {number} step
   */
  #hover(event, step) {
    if (!takes(event.dataTransfer)) return;
    this.#over = Math.max(0, this.#over + step);
    this.overlay.hidden = this.#over === 0;
    part(this.overlay, ".drop-add").hidden = !this.asking;
  }

  /**
   * @param {DataTransfer | null} data
   * @param {Event} event
   * @param {{typing?: boolean, adding: boolean}} how  what is pasted while typing stays in its field, but for pictures
   */
  #take(data, event, { typing = false, adding }) {
    const file = data && pictureOf(data);
    const address = data && !file && !typing ? addressOf(data) : "";
    if (!file && !address) return;
    event.preventDefault();
    if (file) this.onpicture(file, adding);
    else this.ontext(address, adding);
  }

  /** @param {Event} event */
  #submit(event) {
    event.preventDefault();
    if (this.#active >= 0) return this.#choose(this.#active);
    this.#close();
    if (this.field.value.trim()) this.ontext(this.field.value, false);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const { length } = this.#suggestions;
    if (event.key === "Escape") {
      if (length > 0) this.#close();
      else if (this.field.value) this.field.value = "";
      else this.field.blur();
      event.preventDefault();
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && length > 0 && isPlain(event)) {
      const step = event.key === "ArrowDown" ? 1 : -1;
      this.#activate(((this.#active + 1 + step + length + 1) % (length + 1)) - 1);
      event.preventDefault();
    }
  }

  #typed() {
    clearTimeout(this.#pause);
    const text = this.field.value.trim();
    if (text.length < SHORTEST || text.includes("://")) return this.#close();
    this.#pause = setTimeout(() => this.#suggest(text), PAUSE);
  }

  /** @param {string} text */
  async #suggest(text) {
    this.#request?.abort();
    const request = new AbortController();
    this.#request = request;
    /** @type {Suggestion[]} */
    let found = [];
    try {
      const params = new URLSearchParams({ text: text.slice(0, 200), limit: String(SUGGESTED) });
      found = readSuggestions((await call(`/api/suggest?${params}`, { signal: request.signal }))?.results);
    } catch {
      if (request.signal.aborted) return; // others are coming, or nobody wants them any more
    }
    if (request.signal.aborted || document.activeElement !== this.field) return;
    const own = /** @type {const} */ (["add", "less"]).map((kind) => ({ kind, value: text, id: 0, images: 0 }));
    this.#open([...(this.asking ? own : []), ...found]);
  }

  /** @param {Suggestion[]} suggestions */
  #open(suggestions) {
    this.#suggestions = suggestions;
    this.list.replaceChildren(...suggestions.map((each, place) => this.#option(each, place)));
    this.list.hidden = suggestions.length === 0;
    this.field.setAttribute("aria-expanded", String(suggestions.length > 0));
    this.#activate(-1);
  }

  #close() {
    clearTimeout(this.#pause);
    this.#request?.abort();
    this.#open([]);
  }

  /**
   * @param {Suggestion} suggestion
   * @param {number} place
   */
  #option({ kind, value, id, images }, place) {
    const option = copy(this.template);
    option.id = `suggestion-${place}`;
    option.setAttribute("aria-selected", "false");
    const notes = { creator: `maker · ${counted(images, "picture")}`, title: "picture", add: "to what is asked", less: "in what is asked" };
    const words = { creator: value, title: value, add: `Add “${isolated(value)}”`, less: `Less of “${isolated(value)}”` };
    part(option, ".suggestion-words").textContent = words[kind];
    part(option, ".suggestion-note").textContent = notes[kind];
    const sign = { creator: "", title: "", add: "+", less: "−" }[kind];
    if (sign) part(option, ".suggestion-picture").textContent = sign;
    if (id) part(option, ".suggestion-picture").append(Object.assign(new Image(36, 36), { src: `/thumbs/${id}/${this.width}`, alt: "", decoding: "async" }));
    return option;
  }

  /** @param {number} index  of a suggestion, -1 for none */
  #activate(index) {
    this.#active = index;
    [...this.list.children].forEach((option, place) => option.setAttribute("aria-selected", String(place === index)));
    const option = this.list.children[index];
    option?.scrollIntoView({ block: "nearest" });
    if (option) this.field.setAttribute("aria-activedescendant", option.id);
    else this.field.removeAttribute("aria-activedescendant");
  }

  /** @param {EventTarget | null} target */
  #indexOf(target) {
    const option = target instanceof Element ? target.closest(".suggestion") : null;
    return option ? [...this.list.children].indexOf(option) : -1;
  }

  /** @param {number} index */
  #choose(index) {
    const chosen = this.#suggestions[index];
    if (!chosen) return;
    this.#close();
    this.field.blur();
    this.onchoice(chosen);
  }
}

/** @param {DataTransfer | null} data */
function takes(data) {
  return data !== null && ["Files", "text/uri-list"].some((type) => data.types.includes(type));
}

/**
 * @param {unknown} values
 * @returns {Suggestion[]}
 */
function readSuggestions(values) {
  if (!Array.isArray(values)) return [];
  return values.slice(0, SUGGESTED).flatMap((raw) => {
    const value = plain(raw?.value);
    if (!value || (raw.kind !== "creator" && raw.kind !== "title")) return [];
    const id = Number.isSafeInteger(raw.id) && raw.id > 0 ? raw.id : 0;
    return [{ kind: raw.kind, value, id, images: Number(raw.images) || 0 }];
  });
}
