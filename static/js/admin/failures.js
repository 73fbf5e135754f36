// @ts-check
/** What failed for good, by kind, with the latest as an example; and another try for all of a kind. */

import { call } from "../api.js";
import { copy, matchList, part, tell } from "../dom.js";
import { ago, count } from "../format.js";

/**
 * @typedef {object} FailureGroup
 * @property {string} kind
 * @property {number} count
 * @property {boolean} worth_retrying  whether they may pass by themselves
 * @property {string} example_url
 * @property {string} example_detail
 * @property {string} last_at  ISO 8601
 */

const LABEL = "Retry these";
const SAID_FOR = 4_000;

export class Failures {
  /** @type {(error: unknown) => void} called when another try was refused or lost */
  onerror = () => {};

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
      (group) => this.#create(group.kind),
      (item, group) => this.#update(item, group),
    );
  }

  /** @param {string} kind */
  #create(kind) {
    const item = copy(this.template);
    const button = part(item, '[data-act="retry"]');
    button.setAttribute("aria-label", `Retry all ${words(kind)}`);
    button.addEventListener("click", () => this.#retry(button, kind));
    return item;
  }

  /**
   * @param {HTMLElement} item
   * @param {FailureGroup} group
   */
  #update(item, group) {
    tell(item, '[data-field="count"]', count(group.count));
    tell(item, '[data-field="kind"]', words(group.kind));
    tell(item, '[data-field="when"]', ago(Date.parse(group.last_at) / 1000, Date.now() / 1000));
    tell(item, '[data-field="detail"]', group.example_detail);
    tell(item, '[data-field="url"]', group.example_url);
    part(item, '[data-act="retry"]').hidden = !group.worth_retrying;
  }

  /**
   * @param {HTMLButtonElement} button
   * @param {string} kind
   */
  async #retry(button, kind) {
    button.disabled = true;
    try {
      const { retried } = await call("/api/admin/failures/retry", { method: "POST", body: { kind } });
      button.textContent = `${count(retried)} tried again`;
      setTimeout(() => (button.textContent = LABEL), SAID_FOR);
    } catch (error) {
      this.onerror(error);
    } finally {
      button.disabled = false;
    }
  }
}

/** @param {string} kind  as the API spells it */
function words(kind) {
  return kind.replaceAll("_", " ");
}
