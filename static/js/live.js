// @ts-check
/** What happens on the server, as it happens: its event stream, kept open over failures. */

import { backoff } from "./backoff.js";

const GRACE = 3_000;

/**
 * @typedef {object} Stats
 * @property {number} [images]   in the collection
 * @property {number} [rate]     pictures a second, of late
 * @property {number} [pending]  addresses to be fetched
 * @property {number} [failed]   addresses that failed
 */

export class Live {
  /** @type {(image: unknown) => void} */
  onimage = () => {};
  /** @type {(removed: {id?: unknown}) => void} */
  onremoved = () => {};
  /** @type {(stats: Stats & Record<string, unknown>) => void} */
  onstats = () => {};
  /** @type {(connected: boolean) => void} false only after the stream has been away for a few seconds */
  onconnection = () => {};
  /** @type {EventSource | null} */
  #source = null;
  #failures = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #reopening;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #doubt;

  /** @param {string} url */
  constructor(url) {
    this.url = url;
  }

  open() {
    if (this.#source) return;
    const source = new EventSource(this.url);
    this.#source = source;
    source.addEventListener("open", () => this.#connected());
    source.addEventListener("error", () => this.#lost(source));
    source.addEventListener("image", (event) => this.#deliver(event, this.onimage));
    source.addEventListener("removed", (event) => this.#deliver(event, this.onremoved));
    source.addEventListener("stats", (event) => this.#deliver(event, this.onstats));
  }

  close() {
    clearTimeout(this.#reopening);
    clearTimeout(this.#doubt);
    this.#doubt = undefined;
    this.#source?.close();
    this.#source = null;
  }

  #connected() {
    this.#failures = 0;
    clearTimeout(this.#doubt);
    this.#doubt = undefined;
    this.onconnection(true);
  }

  /** @param {EventSource} source */
  #lost(source) {
    this.#doubt ??= setTimeout(() => this.onconnection(false), GRACE);
    // The browser reconnects by itself after a broken connection, but not after an answer that is no stream.
    if (source.readyState !== EventSource.CLOSED || source !== this.#source) return;
    this.#source = null;
    this.#failures += 1;
    this.#reopening = setTimeout(() => this.open(), backoff(this.#failures));
  }

  /**
   * @param {MessageEvent} event
   * @param {(value: any) => void} take
   */
  #deliver(event, take) {
    let value;
    try {
      value = JSON.parse(event.data);
    } catch {
      return; // cut off in the middle; the next one stands for itself
    }
    if (typeof value === "object" && value !== null) take(value);
  }
}
