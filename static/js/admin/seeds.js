// @ts-check
/** The list of sources: how far each has come, and how to pause, resume or cancel it. */

import { call } from "../api.js";
import { copy, matchList, part, tell } from "../dom.js";
import { count, counted, rate } from "../format.js";

/**
 * @typedef {object} Seed
 * @property {number} id
 * @property {string} source
 * @property {string} kind
 * @property {"running" | "paused" | "done" | "failed" | "cancelled"} state
 * @property {number} found
 * @property {number} pending
 * @property {number} done
 * @property {number} failed
 * @property {number} images
 * @property {string | null} error
 */

const SMOOTHING = 0.3;
const SURE_FOR = 4_000;

export class Seeds {
  /** @type {(error: unknown) => void} called when a change was refused or lost */
  onerror = () => {};
  /** @type {Map<number, {images: number, at: number, rate: number}>} */
  #pace = new Map();

  /**
   * @param {HTMLElement} list
   * @param {HTMLTemplateElement} template
   */
  constructor(list, template) {
    this.list = list;
    this.template = template;
  }

  /** @param {Seed[]} seeds  newest first */
  show(seeds) {
    matchList(
      this.list,
      seeds,
      (seed) => String(seed.id),
      (seed) => this.#create(seed.id),
      (item, seed) => this.#update(item, seed),
    );
  }

  /** @param {number} id */
  #create(id) {
    const item = copy(this.template);
    part(item, '[data-act="toggle"]').addEventListener("click", () => this.#toggle(item, id));
    const cancel = part(item, '[data-act="cancel"]');
    cancel.addEventListener("click", () => this.#cancel(item, id, cancel));
    return item;
  }

  /**
   * @param {HTMLElement} item
   * @param {Seed} seed
   */
  #update(item, seed) {
    const pace = this.#paceOf(seed);
    item.dataset.state = seed.state;
    for (const name of /** @type {const} */ (["state", "kind", "source"])) tell(item, `[data-field="${name}"]`, seed[name]);
    const progress = [
      counted(seed.images, "picture"),
      seed.state === "running" ? rate(pace) : "",
      `${count(seed.done)} of ${count(seed.found)} done`,
      seed.failed ? `${count(seed.failed)} failed` : "",
      seed.pending ? `${count(seed.pending)} waiting` : "",
    ];
    tell(item, '[data-field="numbers"]', progress.filter(Boolean).join(" · "));
    if (!item.dataset.refused) tell(item, '[data-field="error"]', seed.error ?? "");
    this.#draw(item, seed);
    const active = seed.state === "running" || seed.state === "paused";
    const toggle = part(item, '[data-act="toggle"]');
    toggle.hidden = !active;
    tell(item, '[data-act="toggle"]', seed.state === "paused" ? "Resume" : "Pause");
    toggle.setAttribute("aria-label", `${toggle.textContent} ${seed.source}`);
    const cancel = part(item, '[data-act="cancel"]');
    cancel.hidden = !active;
    cancel.setAttribute("aria-label", `${cancel.textContent} ${seed.source}`);
  }

  /**
   * @param {HTMLElement} item
   * @param {Seed} seed
   */
  #draw(item, seed) {
    const share = (/** @type {number} */ part) => `${seed.found ? (100 * part) / seed.found : 0}%`;
    part(item, ".bar-done").style.width = share(seed.done);
    part(item, ".bar-failed").style.width = share(seed.failed);
    part(item, ".bar").setAttribute(
      "aria-label",
      `${count(seed.done)} done, ${count(seed.failed)} failed, ${count(seed.pending)} waiting`,
    );
  }

  /**
   * Pictures a second, smoothed over the answers.
   *
   * @param {Seed} seed
   */
  #paceOf(seed) {
    const at = performance.now() / 1000;
    const last = this.#pace.get(seed.id);
    if (last && at - last.at < 0.5) return last.rate;
    const now = last ? (seed.images - last.images) / (at - last.at) : 0;
    const smooth = last ? last.rate + SMOOTHING * (Math.max(0, now) - last.rate) : 0;
    this.#pace.set(seed.id, { images: seed.images, at, rate: smooth });
    return smooth;
  }

  /**
   * @param {HTMLElement} item
   * @param {number} id
   */
  #toggle(item, id) {
    const state = item.dataset.state === "paused" ? "running" : "paused";
    return this.#change(item, call(`/api/admin/seeds/${id}`, { method: "PATCH", body: { state } }));
  }

  /**
   * Cancelling takes two clicks.
   *
   * @param {HTMLElement} item
   * @param {number} id
   * @param {HTMLButtonElement} button
   */
  #cancel(item, id, button) {
    if (button.dataset.sure) return this.#change(item, call(`/api/admin/seeds/${id}`, { method: "DELETE" }));
    button.dataset.sure = "yes";
    button.textContent = "Really cancel?";
    setTimeout(() => {
      delete button.dataset.sure;
      button.textContent = "Cancel";
    }, SURE_FOR);
  }

  /**
   * @param {HTMLElement} item
   * @param {Promise<Seed>} answer
   */
  async #change(item, answer) {
    try {
      const seed = await answer;
      delete item.dataset.refused;
      this.#update(item, seed);
    } catch (error) {
      item.dataset.refused = "yes";
      tell(item, '[data-field="error"]', error instanceof Error ? error.message : String(error));
      this.onerror(error);
    }
  }
}
