// @ts-check
/** One source: how far it has come, what came in last, and what can be done with it. */

import { call } from "../api.js";
import { copy, matchList, part, tell } from "../dom.js";
import { count, counted, rate } from "../format.js";
import { inline, nameOf } from "../images.js";
import { about, each, seconds } from "./figures.js";
import { Progress } from "./progress.js";
import { askTwice } from "./sure.js";
import { trouble } from "./trouble.js";

/**
 * @typedef {object} Seed
 * @property {number} id
 * @property {string} source
 * @property {string} kind
 * @property {Record<string, unknown>} options
 * @property {"running" | "paused" | "done" | "failed" | "cancelled"} state
 * @property {number} found
 * @property {number} pending
 * @property {number} done
 * @property {number} failed
 * @property {number} images
 * @property {number | null} rate             addresses a second, null for what the hosts allow
 * @property {number} crawl
 * @property {number | null} recrawl_seconds  0 for never, null where nothing is said
 * @property {string | null} recrawl_at       ISO 8601
 * @property {string | null} error
 */

const DAY = 86_400;

export class SeedRow {
  /** @type {(error: unknown) => void} called when a change was refused or lost */
  onerror = () => {};
  /** @type {(words: string) => void} called when a change was made */
  ondone = () => {};
  #progress = new Progress();
  #crawl = 0;

  /**
   * @param {HTMLTemplateElement} template
   * @param {Seed} seed
   */
  constructor(template, seed) {
    this.id = seed.id;
    this.source = seed.source;
    this.seed = seed;
    const item = (this.element = copy(template));
    part(item, ".buttons").setAttribute("aria-label", `${seed.kind} ${inline(seed.source)}`);
    this.#on("toggle", () => this.#setState(this.seed.state === "paused" ? "running" : "paused"));
    this.#on("again", () => this.#again());
    askTwice(part(item, '[data-act="cancel"]'), () => "Really cancel?", () => this.#cancel());
    this.#on("settings", () => this.#openSettings(part(item, "form").hidden));
    part(item, "form").addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#saveSettings();
    });
  }

  /** @param {Seed} seed */
  update(seed) {
    const item = this.element;
    this.seed = seed;
    item.dataset.state = seed.state;
    for (const name of /** @type {const} */ (["state", "kind", "source"])) tell(item, `[data-field="${name}"]`, seed[name]);
    this.#note(seed);
    const { left, rate: pace } = this.#progress;
    const numbers = [
      counted(seed.images, "picture"),
      rate(pace),
      left === null ? "" : `${about(left)} left`,
      `${count(seed.done)} of ${count(seed.found)} done`,
      seed.failed ? `${count(seed.failed)} failed` : "",
      seed.pending ? `${count(seed.pending)} waiting` : "",
    ];
    tell(item, '[data-field="numbers"]', numbers.filter(Boolean).join(" · "));
    tell(item, '[data-field="plan"]', planOf(seed, Date.now() / 1000));
    if (!item.dataset.refused) tell(item, '[data-field="error"]', seed.error ?? "");
    this.#draw(seed);
    this.#offer(seed.state);
  }

  /** @param {import("../images.js").DetailedImage[]} images  the last first */
  showPictures(images) {
    const list = part(this.element, ".latest");
    list.hidden = images.length === 0;
    matchList(
      list,
      images,
      (image) => String(image.id),
      (image) => {
        const item = document.createElement("li");
        const link = item.appendChild(document.createElement("a"));
        link.href = `/similar/${image.id}`;
        const picture = link.appendChild(document.createElement("img"));
        picture.src = `/thumbs/${image.id}/256`;
        picture.alt = nameOf(image);
        picture.title = nameOf(image);
        picture.loading = "lazy";
        picture.width = picture.height = 52;
        picture.style.backgroundColor = image.color;
        return item;
      },
      () => {},
    );
  }

  /** @param {Seed} seed */
  #note(seed) {
    // The figures of another crawl, and of time spent waiting, say nothing about this one's pace.
    if (seed.state !== "running" || seed.crawl !== this.#crawl) this.#progress.forget();
    this.#crawl = seed.crawl;
    if (seed.state === "running") this.#progress.note(seed, performance.now() / 1000);
  }

  /** @param {Seed} seed */
  #draw(seed) {
    const share = (/** @type {number} */ part) => (seed.found ? (100 * part) / seed.found : 0);
    part(this.element, ".bar-done").style.width = `${share(seed.done)}%`;
    part(this.element, ".bar-failed").style.width = `${share(seed.failed)}%`;
    const bar = part(this.element, ".bar");
    bar.setAttribute("aria-label", `Progress of ${inline(seed.source)}`);
    bar.setAttribute("aria-valuenow", String(Math.floor(share(seed.done + seed.failed))));
  }

  /** @param {Seed["state"]} state */
  #offer(state) {
    const item = this.element;
    const active = state === "running" || state === "paused";
    part(item, '[data-act="toggle"]').hidden = !active;
    tell(item, '[data-act="toggle"]', state === "paused" ? "Resume" : "Pause");
    part(item, '[data-act="cancel"]').hidden = !active;
    part(item, '[data-act="again"]').hidden = active;
    part(item, '[data-act="settings"]').hidden = state === "cancelled";
    if (state === "cancelled") this.#openSettings(false);
    tell(item, '[data-act="again"]', state === "cancelled" ? "Start again" : "Recrawl now");
  }

  /**
   * @param {string} name
   * @param {() => void} act
   */
  #on(name, act) {
    part(this.element, `[data-act="${name}"]`).addEventListener("click", act);
  }

  /** @param {"running" | "paused"} state */
  #setState(state) {
    return this.#change({ method: "PATCH", body: { state } }, state === "paused" ? "Paused." : "Resumed.");
  }

  #cancel() {
    return this.#change({ method: "DELETE" }, "Cancelled.");
  }

  #again() {
    const { source, kind, options, state } = this.seed;
    if (state !== "cancelled") return this.#change({ method: "POST", path: "/recrawl" }, "It is read again.");
    return this.#change({ method: "POST", path: null, body: { source, kind, options } }, "Started again.");
  }

  /** @param {boolean} open */
  #openSettings(open) {
    const form = part(this.element, "form");
    form.hidden = !open;
    part(this.element, '[data-act="settings"]').setAttribute("aria-expanded", String(open));
    if (!open) return;
    form.rate.value = this.seed.rate ?? "";
    const { recrawl_seconds: every } = this.seed;
    const chosen = every === null ? "" : every === 0 ? "never" : `${Math.round(every)}s`;
    if (![...form.recrawl.options].some((option) => option.value === chosen)) {
      form.recrawl.add(new Option(`every ${each(every ?? 0)}`, chosen));
    }
    form.recrawl.value = chosen;
  }

  async #saveSettings() {
    const form = part(this.element, "form");
    const recrawl = form.recrawl.value;
    const body = { rate: Number(form.rate.value || 0), ...(recrawl ? { recrawl } : {}) };
    if (await this.#change({ method: "PATCH", body }, "Saved.")) {
      this.#openSettings(false);
      part(this.element, '[data-act="settings"]').focus();
    }
  }

  /**
   * @param {{method: string, path?: string | null, body?: unknown}} asked  the path behind the seed's own, null for none
   * @param {string} words                                               what to say when it is done
   * @returns {Promise<boolean>} whether it is done
   */
  async #change({ method, path = "", body }, words) {
    const item = this.element;
    try {
      const seed = await call(path === null ? "/api/admin/seeds" : `/api/admin/seeds/${this.id}${path}`, { method, body });
      delete item.dataset.refused;
      if (seed.id === this.id) this.update(seed);
      this.ondone(words);
      return true;
    } catch (error) {
      item.dataset.refused = "yes";
      tell(item, '[data-field="error"]', trouble(error));
      this.onerror(error);
      return false;
    }
  }
}

/**
 * @param {Seed} seed
 * @param {number} now  seconds since the epoch
 */
function planOf(seed, now) {
  const parts = [
    seed.rate ? `at most ${rate(seed.rate) || `one every ${each(Math.round(1 / seed.rate))}`}` : "",
    seed.crawl > 1 ? `crawl ${count(seed.crawl)}` : "",
    seed.recrawl_seconds ? `read again every ${each(seed.recrawl_seconds)}` : "",
    seed.recrawl_at ? nextIn(seconds(seed.recrawl_at) - now) : "",
  ];
  return parts.filter(Boolean).join(" · ");
}

/** @param {number} left  seconds */
function nextIn(left) {
  if (left <= 0) return "next now";
  return left > 2 * DAY ? `next in ${counted(Math.round(left / DAY), "day")}` : `next in ${about(left)}`;
}
