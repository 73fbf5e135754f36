// @ts-check
/** The list of sources, however many there are: a page of it at a time, each followed by its own row. */

import { call } from "../api.js";
import { matchList, part, tell } from "../dom.js";
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
  /** @type {() => void} called when another page is wanted */
  onturn = () => {};
  newest = new Newest();
  /** @type {Seed[]} */
  #seeds = [];
  /** @type {Map<string, SeedRow>} */
  #rows = new Map();
  /** For each page behind the first: the id that its seeds come before. @type {number[]} */
  #turned = [];
  #seen = new IntersectionObserver((entries) => this.#look(entries), { rootMargin: "200px" });

  /**
   * @param {HTMLElement} list
   * @param {HTMLTemplateElement} template
   * @param {HTMLElement} pager         buttons to other pages, and where one is
   * @param {HTMLSelectElement} state   narrows the list
   */
  constructor(list, template, pager, state) {
    this.list = list;
    this.template = template;
    this.pager = pager;
    this.state = state;
    part(pager, '[data-act="older"]').addEventListener("click", () => this.#turn([...this.#turned, this.#seeds.at(-1)?.id ?? 1]));
    part(pager, '[data-act="newer"]').addEventListener("click", () => this.#turn(this.#turned.slice(0, -1)));
    state.addEventListener("change", () => this.#turn([]));
  }

  /** Where the page that is shown is asked for. */
  get address() {
    const params = new URLSearchParams({ limit: String(SHOWN) });
    const before = this.#turned.at(-1);
    if (before !== undefined) params.set("before", String(before));
    if (this.state.value) params.set("state", this.state.value);
    return `/api/admin/seeds?${params}`;
  }

  /** @param {{results: Seed[], next: string | null, total: number}} page  newest first, as `address` answers */
  show({ results: seeds, next, total }) {
    this.#seeds = seeds;
    const from = this.#turned.length * SHOWN;
    const [older, newer] = ["older", "newer"].map((act) => part(this.pager, `[data-act="${act}"]`));
    this.pager.hidden = total <= SHOWN && from === 0;
    older.disabled = next === null;
    newer.disabled = from === 0;
    tell(this.pager, "[role=status]", seeds.length ? `${count(from + 1)} to ${count(from + seeds.length)} of ${count(total)}` : `none of ${count(total)}`);
    matchList(
      this.list,
      seeds,
      (seed) => String(seed.id),
      (seed) => this.#create(seed),
      (_, seed) => this.#rows.get(String(seed.id))?.update(seed),
    );
    const left = new Set(seeds.map((seed) => String(seed.id)));
    for (const [key, row] of this.#rows) {
      if (left.has(key)) continue;
      this.#seen.unobserve(row.element);
      this.#rows.delete(key);
    }
  }

  /**
   * A seed of this source and kind that is here already.
   *
   * @param {string} source
   * @param {string} kind
   * @returns {Promise<Seed | undefined>}
   */
  async find(source, kind) {
    const { results } = await call(`/api/admin/seeds?${new URLSearchParams({ source })}`);
    return results.find((/** @type {Seed} */ seed) => seed.kind === kind);
  }

  /** @param {number[]} turned */
  #turn(turned) {
    this.#turned = turned;
    this.onturn();
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
