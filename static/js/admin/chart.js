// @ts-check
/** A small chart of the last minutes: what waited, as an area, and how fast it went, as a line. */

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 120;
const HEIGHT = 32;
/** Samples, one a second. */
const LENGTH = 120;

/**
 * @param {readonly number[]} values  the last one is now
 * @param {number} top               what reaches to the top
 * @returns {string} points from left to right, now at the right edge
 */
export function points(values, top) {
  const step = WIDTH / (LENGTH - 1);
  const left = WIDTH - (values.length - 1) * step;
  const y = (/** @type {number} */ value) => HEIGHT - 1 - ((HEIGHT - 2) * Math.min(value, top)) / top;
  return values.map((value, i) => `${round(left + i * step)},${round(y(value))}`).join(" ");
}

/** @param {number} value */
function round(value) {
  return Math.round(value * 100) / 100;
}

export class Chart {
  /** @type {number[]} */
  #queued = [];
  /** @type {number[]} */
  #rates = [];

  constructor() {
    this.element = document.createElementNS(SVG, "svg");
    this.element.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    this.element.setAttribute("preserveAspectRatio", "none");
    this.element.setAttribute("class", "chart");
    // The figures beside it say in words what it draws.
    this.element.setAttribute("aria-hidden", "true");
    this.area = this.element.appendChild(document.createElementNS(SVG, "polygon"));
    this.area.setAttribute("class", "chart-queue");
    this.line = this.element.appendChild(document.createElementNS(SVG, "polyline"));
    this.line.setAttribute("class", "chart-rate");
  }

  /**
   * @param {number} queued
   * @param {number} rate
   * @param {number} [most]  what of the queue reaches to the top; the most of the last minutes where nothing is said
   */
  add(queued, rate, most = 0) {
    for (const [values, value] of /** @type {[number[], number][]} */ ([[this.#queued, queued], [this.#rates, rate]])) {
      values.push(value);
      if (values.length > LENGTH) values.shift();
    }
    const area = points(this.#queued, most || Math.max(1, ...this.#queued));
    const start = area.slice(0, area.indexOf(","));
    this.area.setAttribute("points", `${start},${HEIGHT} ${area} ${WIDTH},${HEIGHT}`);
    this.line.setAttribute("points", points(this.#rates, Math.max(1, ...this.#rates) * 1.15));
  }
}
