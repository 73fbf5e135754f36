// @ts-check
/** The list of sources: the first of them at once, all on demand, each followed by its own row. */

import { call } from "../api.js";
import { matchList, tell } from "../dom.js";
import { count } from "../format.js";
import { Newest } from "./newest.js";
import { SeedRow } from "./seed_row.js";

/** @typedef {import("./seed_row.js").Seed} Seed */

const SHOWN = 12;

export class Seeds {
  /** @type {(error: unknown) => void} called when a change was refused or lost */
  onerror = () => {};
  /** @type {(words: string) => void} called when a change was made */
  ondone = () => {};
  newest = new Newest();
  /** @type {Seed[]} */
  #seeds = [];
  /** @type {Map<string, SeedRow>} */
  #rows = new Map();
  #all = false;
  #seen = new IntersectionObserver((entries) => this.#look(entries), { rootMargin: "200px" });

  /**
   * @param {HTMLElement} list
   * @param {HTMLTemplateElement} template
   * @param {HTMLButtonElement} more  shows the rest
   */
  constructor(list, template, more) {
    this.list = list;
    this.template = template;
    this.more = more;
    more.addEventListener("click", () => {
      this.#all = true;
      const next = this.#seeds[SHOWN];
      this.show(this.#seeds);
      const row = this.list.querySelector(`[data-key="${next.id}"] button`);
      if (row instanceof HTMLElement) row.focus();
    });
  }

  /** @param {Seed[]} seeds  newest first */
  show(seeds) {
    this.#seeds = seeds;
    const shown = this.#all ? seeds : seeds.slice(0, SHOWN);
    this.more.hidden = shown.length === seeds.length;
    tell(this.more, "span", count(seeds.length));
    matchList(
      this.list,
      shown,
      (seed) => String(seed.id),
      (seed) => this.#create(seed),
      (_, seed) => this.#rows.get(String(seed.id))?.update(seed),
    );
    const left = new Set(shown.map((seed) => String(seed.id)));
    for (const key of this.#rows.keys()) if (!left.has(key)) this.#rows.delete(key);
  }

  /**
   * A seed of this source and kind that is here already.
   *
   * @param {string} source
   * @param {string} kind
   */
  find(source, kind) {
    return this.#seeds.find((seed) => seed.source === source && seed.kind === kind);
  }

  /** Show the pictures that have come in since. */
  showNewest() {
    for (const row of this.#rows.values()) row.showPictures(this.newest.of(row.source));
  }

  /** @param {Seed} seed */
  #create(seed) {
    const row = new SeedRow(this.template, seed);
    row.onerror = (error) => this.onerror(error);
    row.ondone = (words) => this.ondone(words);
    this.#rows.set(String(seed.id), row);
    this.#seen.observe(row.element);
    return row.element;
  }

  /** @param {IntersectionObserverEntry[]} entries */
  async #look(entries) {
    for (const { isIntersecting, target } of entries) {
      const row = this.#rows.get(/** @type {HTMLElement} */ (target).dataset.key ?? "");
      if (!isIntersecting || !row) continue;
      this.#seen.unobserve(target);
      try {
        const { results } = await call(`/api/admin/seeds/${row.id}/images`);
        this.newest.know(row.source, results);
        row.showPictures(this.newest.of(row.source));
      } catch (error) {
        this.onerror(error);
      }
    }
  }
}
