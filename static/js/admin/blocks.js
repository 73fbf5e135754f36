// @ts-check
/** What must never come in: added with a look at what it would take out, and lifted again. */

import { ApiError, call } from "../api.js";
import { copy, matchList, part, tell } from "../dom.js";
import { ago, count, counted } from "../format.js";
import { inline } from "../images.js";
import { seconds } from "./figures.js";
import { busy } from "./busy.js";
import { askTwice } from "./sure.js";
import { PATIENT, trouble } from "./trouble.js";

/**
 * @typedef {object} Block
 * @property {number} id
 * @property {"host" | "url" | "sha256" | "phash"} kind
 * @property {string} value
 * @property {string | null} reason
 * @property {string} created_at  ISO 8601
 */

const KINDS = { host: "host", url: "addresses", sha256: "picture", phash: "look" };
const PAUSE = 400;
const SHOWN = 20;

export class Blocks {
  /** @type {(error: unknown) => void} called when something was refused or lost */
  onerror = () => {};
  /** @type {(words: string) => void} called when a block was lifted */
  ondone = () => {};
  /** How many images the block in the form would take out; null while that is not known. */
  #matched = /** @type {number | null} */ (null);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {AbortController | undefined} */
  #asking;
  #all = false;
  /** @type {Block[]} */
  #blocks = [];

  /**
   * @param {HTMLFormElement} form
   * @param {HTMLElement} list
   * @param {HTMLTemplateElement} template
   * @param {HTMLButtonElement} more  shows the rest
   */
  constructor(form, list, template, more) {
    this.form = form;
    this.list = list;
    this.template = template;
    this.more = more;
    for (const name of ["kind", "value"]) {
      form[name].addEventListener("input", () => {
        this.#matched = null;
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#preview(), PAUSE);
      });
    }
    form.addEventListener("submit", (event) => event.preventDefault());
    const button = part(form, '[type="submit"]');
    askTwice(
      button,
      () => (this.#matched ? `Really take ${counted(this.#matched, "picture")} out?` : "Really block?"),
      () => busy(button, () => this.#add()),
    );
    more.addEventListener("click", () => {
      this.#all = true;
      this.#show();
      part(this.list, `li:nth-child(${SHOWN + 1}) button`).focus();
    });
  }

  async refresh() {
    try {
      this.#blocks = (await call("/api/admin/blocks")).results;
      this.#show();
    } catch (error) {
      this.onerror(error);
    }
  }

  #show() {
    const shown = this.#all ? this.#blocks : this.#blocks.slice(0, SHOWN);
    this.more.hidden = shown.length === this.#blocks.length;
    tell(this.more, "span", count(this.#blocks.length));
    matchList(
      this.list,
      shown,
      (block) => String(block.id),
      (block) => this.#create(block),
      (item, block) => {
        tell(item, '[data-field="reason"]', block.reason ?? "");
        tell(item, '[data-field="when"]', `${block.reason ? ", " : ""}${ago(seconds(block.created_at), Date.now() / 1000)}`);
      },
    );
    part(this.list.parentElement ?? document, ".none").hidden = this.#blocks.length > 0;
  }

  /** @param {Block} block */
  #create(block) {
    const item = copy(this.template);
    tell(item, '[data-field="kind"]', KINDS[block.kind] ?? block.kind);
    tell(item, '[data-field="value"]', block.kind === "sha256" ? `${block.value.slice(0, 16)}…` : block.value);
    const button = part(item, "button");
    part(item, ".buttons").setAttribute("aria-label", `Block of ${inline(block.value)}`);
    askTwice(button, () => "Really lift?", () => this.#lift(block));
    return item;
  }

  get #asked() {
    const { kind, value } = this.form;
    return { kind: kind.value, value: value.value.trim() };
  }

  async #preview() {
    this.#asking?.abort();
    if (!this.#asked.value) return this.#say("");
    const asking = (this.#asking = new AbortController());
    try {
      const { images } = await call(`/api/admin/blocks/preview?${new URLSearchParams(this.#asked)}`, { signal: asking.signal });
      this.#matched = images;
      this.#say(images ? `It would take ${counted(images, "picture")} out.` : "It takes nothing out that is here now.");
    } catch (error) {
      if (asking.signal.aborted) return;
      this.#refused(error);
    }
  }

  async #add() {
    if (!this.form.reportValidity()) return;
    clearTimeout(this.#timer);
    const reason = this.form.reason.value.trim() || null;
    this.#say("Working…");
    try {
      const { removed } = await call("/api/admin/blocks", { method: "POST", body: { ...this.#asked, reason }, longest: PATIENT });
      this.form.reset();
      this.#matched = null;
      this.#say(removed ? `Blocked; ${counted(removed, "picture")} taken out.` : "Blocked.");
      await this.refresh();
    } catch (error) {
      this.#refused(error);
    }
  }

  /** @param {Block} block */
  async #lift(block) {
    try {
      await call(`/api/admin/blocks/${block.id}`, { method: "DELETE", longest: PATIENT });
      this.ondone("The block is lifted: what it took out may be found again.");
      this.form.value.focus();
      await this.refresh();
    } catch (error) {
      this.#refused(error);
    }
  }

  /** @param {unknown} error */
  #refused(error) {
    this.#say(trouble(error));
    if (!(error instanceof ApiError) || error.status !== 400) this.onerror(error);
  }

  /** @param {string} words */
  #say(words) {
    tell(this.form, '[data-field="said"]', words);
  }
}
