// @ts-check
/** The hosts that are asked, the busiest first. While somebody points at the list, it keeps its order. */

import { copy, matchList, part, tell } from "../dom.js";
import { counted } from "../format.js";
import { safeLink } from "../images.js";
import { dotsOf, paceOf, rulesOf, stateOf } from "./host_words.js";

/** @typedef {import("./host_words.js").Host} Host */

const SMOOTHING = 0.3;

export class Hosts {
  /** @type {Map<string, {requests: number, at: number, rate: number | null}>} */
  #seen = new Map();

  /**
   * @param {HTMLElement} list
   * @param {HTMLTemplateElement} template
   */
  constructor(list, template) {
    this.list = list;
    this.template = template;
  }

  /** @param {Host[]} hosts  the busiest first */
  show(hosts) {
    this.#count(hosts, performance.now() / 1000);
    matchList(
      this.list,
      this.#ordered(hosts),
      (host) => host.host,
      () => copy(this.template),
      (item, host) => this.#update(item, host),
    );
  }

  /** @param {Host[]} hosts */
  #ordered(hosts) {
    if (!this.list.matches(":hover, :focus-within")) return hosts;
    const places = new Map([...this.list.children].map((item, i) => [/** @type {HTMLElement} */ (item).dataset.key, i]));
    const place = (/** @type {Host} */ host) => places.get(host.host) ?? places.size;
    return [...hosts].sort((one, other) => place(one) - place(other));
  }

  /**
   * Requests a second, smoothed over the answers.
   *
   * @param {Host[]} hosts
   * @param {number} at
   */
  #count(hosts, at) {
    const seen = new Map();
    for (const { host, requests } of hosts) {
      const last = this.#seen.get(host);
      const same = last && requests >= last.requests && at > last.at;
      const now = same ? (requests - last.requests) / (at - last.at) : null;
      const rate = now === null || last?.rate == null ? now : last.rate + SMOOTHING * (now - last.rate);
      seen.set(host, { requests, at, rate });
    }
    this.#seen = seen;
  }

  /**
   * @param {HTMLElement} item
   * @param {Host} host
   */
  #update(item, host) {
    const { state, words } = stateOf(host);
    item.dataset.state = state;
    tell(item, '[data-field="host"]', host.host || "This machine");
    tell(item, '[data-field="state"]', words);
    tell(item, '[data-field="waiting"]', host.waiting ? `${counted(host.waiting, "address", "addresses")} waiting` : "");
    tell(item, '[data-field="pace"]', paceOf(host, this.#seen.get(host.host)?.rate ?? null));
    tell(item, '[data-field="rules"]', rulesOf(host));
    const told = safeLink(host.rule?.source);
    part(item, '[data-field="terms"]').hidden = !told;
    if (told) part(item, "a").href = told;
    this.#dots(part(item, ".dots"), host);
  }

  /**
   * @param {HTMLElement} dots
   * @param {Host} host
   */
  #dots(dots, host) {
    const wanted = dotsOf(host);
    while (dots.children.length > wanted.length) dots.lastElementChild?.remove();
    wanted.forEach((kind, i) => {
      const dot = dots.children[i] ?? dots.appendChild(document.createElement("span"));
      if (dot.className !== kind) dot.className = kind;
    });
  }
}
