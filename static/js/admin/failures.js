// @ts-check
/** What failed for good, by cause, with the latest as an example; and another try for all of a cause. */

import { call } from "../api.js";
import { copy, matchList, part, tell } from "../dom.js";
import { ago, count } from "../format.js";
import { safeLink } from "../images.js";
import { busy } from "./busy.js";
import { cause } from "./causes.js";
import { seconds } from "./figures.js";

/**
 * @typedef {object} FailureGroup
 * @property {string} kind
 * @property {number} count
 * @property {boolean} worth_retrying  whether they may pass by themselves
 * @property {string} example_url
 * @property {string} example_detail
 * @property {string} last_at  ISO 8601
 */

const SAID_FOR = 4_000;

export class Failures {
  /** @type {(error: unknown) => void} called when another try was refused or lost */
  onerror = () => {};
  /** @type {(words: string) => void} called when they are tried again */
  ondone = () => {};

  /**
   * @param {HTMLElement} list
   * @param {HTMLTemplateElement} template
   */
  constructor(list, template) {
    this.list = list;
    this.template = template;
  }

  /** @param {FailureGroup[]} groups  most first */
  show(groups) {
    matchList(
      this.list,
      groups,
      (group) => group.kind,
      (group) => this.#create(group),
      (item, group) => this.#update(item, group),
    );
  }

  /** @param {FailureGroup} group */
  #create({ kind, worth_retrying }) {
    const item = copy(this.template);
    const { title, meaning } = cause(kind);
    tell(item, '[data-field="kind"]', title);
    tell(item, '[data-field="meaning"]', meaning);
    const button = part(item, '[data-act="retry"]');
    // What will be the same tomorrow can be tried all the same: a site may have changed its mind.
    button.textContent = worth_retrying ? "Retry these" : "Try anyway";
    button.setAttribute("aria-label", `${button.textContent}: ${title}`);
    button.addEventListener("click", () => busy(button, () => this.#retry(button, kind)));
    return item;
  }

  /**
   * @param {HTMLElement} item
   * @param {FailureGroup} group
   */
  #update(item, group) {
    tell(item, '[data-field="count"]', count(group.count));
    tell(item, '[data-field="when"]', `, ${ago(seconds(group.last_at), Date.now() / 1000)}`);
    tell(item, '[data-field="detail"]', group.example_detail);
    const link = part(item, '[data-field="url"]');
    tell(item, '[data-field="url"]', group.example_url);
    const address = safeLink(group.example_url);
    if (address) link.href = address;
    else link.removeAttribute("href");
  }

  /**
   * @param {HTMLButtonElement} button
   * @param {string} kind
   */
  async #retry(button, kind) {
    const label = button.textContent;
    try {
      const { retried } = await call("/api/admin/failures/retry", { method: "POST", body: { kind } });
      button.textContent = `${count(retried)} tried again`;
      this.ondone(`${count(retried)} tried again.`);
      setTimeout(() => (button.textContent = label), SAID_FOR);
    } catch (error) {
      this.onerror(error);
    }
  }
}
