// @ts-check
/** The stages of ingest side by side: what waits, how fast it goes, and which of them holds up the others. */

import { copy, matchList, part, tell } from "../dom.js";
import { count, rate } from "../format.js";
import { STAGES, bottleneck } from "./bottleneck.js";
import { Chart } from "./chart.js";

/** @typedef {import("./bottleneck.js").Stage} Stage */

const BOUNDED = new Set(["decode", "embed", "commit"]);
const NOTHING = { queued: 0, active: 0, rate: 0, full: 0 };

export class Stages {
  /** @type {Map<string, Chart>} */
  #charts = new Map();

  /**
   * @param {HTMLElement} list
   * @param {HTMLTemplateElement} template
   * @param {HTMLElement} verdict  where the sentence about the slowest goes
   */
  constructor(list, template, verdict) {
    this.list = list;
    this.template = template;
    this.verdict = verdict;
  }

  /**
   * To be called once a second: the charts count by that.
   *
   * @param {Record<string, Stage>} stages
   */
  show(stages) {
    const known = STAGES.filter((name) => stages[name]);
    const slowest = bottleneck(stages);
    if (this.verdict.textContent !== slowest.words) this.verdict.textContent = slowest.words;
    matchList(
      this.list,
      known,
      (name) => name,
      (name) => this.#create(name),
      (item, name) => {
        const stage = { ...NOTHING, ...stages[name] };
        item.classList.toggle("slowest", name === slowest.stage);
        tell(item, '[data-field="rate"]', rate(stage.rate) || "0/s");
        tell(item, '[data-field="queued"]', count(stage.queued));
        tell(item, '[data-field="active"]', count(stage.active));
        part(item, ".fullness").style.width = `${Math.round(100 * stage.full)}%`;
        // Where the room to wait in has an end, how full it is tells more than how many there are.
        this.#charts.get(name)?.add(BOUNDED.has(name) ? stage.full : stage.queued, stage.rate, BOUNDED.has(name) ? 1 : 0);
      },
    );
  }

  /** @param {string} name */
  #create(name) {
    const item = copy(this.template);
    tell(item, '[data-field="name"]', name);
    const chart = new Chart();
    this.#charts.set(name, chart);
    part(item, ".stage-chart").append(chart.element);
    return item;
  }
}
