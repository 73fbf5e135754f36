// @ts-check
/** Adding a source: what it is taken for is told while it is typed, and only the options that it heeds are offered. */

import { ApiError, call } from "../api.js";
import { part, tell } from "../dom.js";
import { busy } from "./busy.js";
import { readOptions } from "./options.js";
import { trouble } from "./trouble.js";

/**
 * @typedef {object} Detected
 * @property {string} kind
 * @property {string} url
 * @property {string} looks_like
 * @property {string} yields
 * @property {string[]} options
 */

const PAUSE = 300;
const HINT = "What it is taken for, and what it would bring in, is told here before anything starts.";

export class Add {
  /** @type {(seed: import("./seed_row.js").Seed) => void} called when a source has been taken */
  onadded = () => {};
  /** @type {(error: unknown) => void} called when something was refused or lost */
  onerror = () => {};
  /** @type {(source: string, kind: string) => Promise<import("./seed_row.js").Seed | undefined>} whether it is here already */
  known = async () => undefined;
  /** @type {Detected | null} */
  #detected = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {AbortController | undefined} */
  #asking;

  /** @param {HTMLFormElement} form */
  constructor(form) {
    this.form = form;
    for (const name of ["source", "kind"]) {
      form[name].addEventListener("input", () => {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => this.#detect(), PAUSE);
      });
    }
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      busy(part(form, '[type="submit"]'), () => this.#add());
    });
    this.#show(null);
  }

  get #source() {
    return this.form.source.value.trim();
  }

  async #detect() {
    this.#asking?.abort();
    const source = this.#source;
    if (!source) return this.#show(null);
    const asking = (this.#asking = new AbortController());
    const asked = new URLSearchParams({ source, ...(this.form.kind.value ? { kind: this.form.kind.value } : {}) });
    try {
      this.#show(await call(`/api/admin/detect?${asked}`, { signal: asking.signal }));
    } catch (error) {
      if (asking.signal.aborted) return;
      // While somebody types, the list of all kinds would only be in the way; who adds it all the same is told.
      this.#show(null, error instanceof ApiError && error.status === 400 ? error.message.split("; expected one of")[0] : "");
      if (!(error instanceof ApiError) || error.status !== 400) this.onerror(error);
    }
  }

  /**
   * @param {Detected | null} detected
   * @param {string} [trouble]  why nothing was detected
   */
  #show(detected, trouble = "") {
    this.#detected = detected;
    const heeded = detected?.options ?? [];
    for (const field of this.form.querySelectorAll("[data-option]")) {
      /** @type {HTMLElement} */ (field).hidden = !heeded.includes(/** @type {HTMLElement} */ (field).dataset.option ?? "");
    }
    part(this.form, "details").hidden = !detected;
    part(this.form, ".detected").dataset.kind = detected ? "known" : "";
    tell(this.form, '[data-field="kind"]', detected?.kind ?? "");
    tell(this.form, '[data-field="yields"]', detected ? `Brings in ${detected.yields}.` : trouble || HINT);
    tell(this.form, '[data-field="root"]', detected && detected.url !== this.#source ? detected.url : "");
    tell(this.form, '[data-field="here"]', "");
    if (detected) this.#lookUp(this.#source, detected);
  }

  /**
   * @param {string} source
   * @param {Detected} detected
   */
  async #lookUp(source, detected) {
    try {
      const here = await this.known(source, detected.kind);
      if (!here || this.#detected !== detected) return;
      tell(this.form, '[data-field="here"]', `It is here already, ${here.state}: adding it reads it again, with these options.`);
    } catch (error) {
      this.onerror(error);
    }
  }

  async #add() {
    const { form } = this;
    clearTimeout(this.#timer);
    this.#asking?.abort();
    tell(form, "#add-error", "");
    try {
      const kind = form.kind.value || null;
      const options = readOptions(new FormData(form), this.#detected?.options ?? []);
      const seed = await call("/api/admin/seeds", { method: "POST", body: { source: this.#source, kind, options } });
      form.reset();
      this.#show(null);
      part(form, "details").open = false;
      form.source.focus();
      this.onadded(seed);
    } catch (error) {
      this.#show(null);
      tell(form, "#add-error", trouble(error));
      this.onerror(error);
    }
  }
}
