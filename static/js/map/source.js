// @ts-check
/** The map's points from the server, kept up with it while the page is looked at. */

import { call } from "../api.js";
import { backoff } from "../backoff.js";
import { NO_POINTS, Points } from "./points.js";

const COMPUTING_EVERY = 1_500;
const READY_EVERY = 8_000;

/**
 * @typedef {object} Status
 * @property {"empty" | "computing" | "ready"} state
 * @property {number | null} progress  share of a computation under way
 * @property {number} layout
 * @property {number} points
 * @property {number} images
 */

export class Source {
  /** @type {(points: Points) => void} */
  onpoints = () => {};
  /** @type {(status: Status) => void} */
  onstatus = () => {};
  /** @type {(connected: boolean) => void} */
  onconnection = () => {};
  points = NO_POINTS;
  #failures = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #busy = false;

  /** Ask now and from here on, while the page is shown. */
  start() {
    document.addEventListener("visibilitychange", () => this.#ask());
    this.#ask();
  }

  async #ask() {
    clearTimeout(this.#timer);
    if (document.hidden || this.#busy) return;
    this.#busy = true;
    let wait = READY_EVERY;
    try {
      /** @type {Status} */
      const status = await call("/api/map");
      await this.#follow(status);
      this.onstatus(status);
      if (status.state !== "ready" || status.progress !== null) wait = COMPUTING_EVERY;
      this.#failures = 0;
    } catch {
      this.#failures += 1;
      wait = backoff(this.#failures);
    }
    this.#busy = false;
    this.onconnection(this.#failures === 0);
    this.#timer = setTimeout(() => this.#ask(), wait);
  }

  /** @param {Status} status */
  async #follow(status) {
    const same = status.layout === this.points.layout;
    if (same && status.points === this.points.count) return;
    if (same && status.points > this.points.count) {
      const more = await fetched(`/api/map/points?after=${this.points.largest}`);
      if (more.layout === this.points.layout) this.#take(this.points.with(more));
      if (this.points.count >= status.points) return;
    }
    this.#take(await fetched("/api/map/points")); // another layout, or some have been removed
  }

  /** @param {Points} points */
  #take(points) {
    this.points = points;
    this.onpoints(points);
  }
}

/** @param {string} url */
async function fetched(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  return Points.read(await response.arrayBuffer());
}
