// @ts-check
/**
 * An endless answer, a page at a time by its `next` links: no picture twice, one request at a time, failures tried
 * again by themselves.
 */

import { ApiError } from "./api.js";
import { fetchAnswers } from "./ask/answers.js";
import { backoff } from "./backoff.js";
import { IdSet } from "./id_set.js";
import { readImages } from "./images.js";

/** @typedef {import("./images.js").DetailedImage} DetailedImage */
/** @typedef {"idle" | "loading" | "failed" | "ended" | "gone"} FeedState  `gone`: what it answers is not there */

/**
 * @typedef {object} FeedStart
 * @property {string} first             the address of its first page
 * @property {string | null} next       the address of the page to come, null at the end
 * @property {number | null} total      how many pictures there are, where the server says so
 * @property {number | null} [cutoff]   the score below which pictures are less alike, where the server says so
 * @property {readonly string[]} [used]  what pictures were found by, where the server says so
 * @property {Iterable<number>} [seen]  ids that it must not give
 * @property {number} [pageSize]        how many pictures pages after the first hold; as many as the first when not given
 */

export class Feed {
  /** @type {FeedState} */
  state = "idle";
  /** Why the last try failed; empty when it did not. */
  error = "";
  /** @type {(images: DetailedImage[]) => void} called with the new pictures of a page, before `onstate` */
  onpage = () => {};
  /** @type {() => void} called after `state` has changed */
  onstate = () => {};
  #seen;
  #failures = 0;
  #fetchPage;
  #wait;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {AbortController | null} */
  #request = null;

  /**
   * @param {FeedStart} start
   * @param {{fetchPage?: typeof fetchAnswers, wait?: (failures: number) => number}} [options]  for tests
   */
  constructor({ first, next, total, cutoff = null, used = [], seen = [], pageSize }, { fetchPage = fetchAnswers, wait = backoff } = {}) {
    this.first = first;
    this.next = next;
    this.total = total;
    this.cutoff = cutoff;
    this.used = used;
    this.pageSize = pageSize;
    this.#seen = new IdSet(seen);
    this.#fetchPage = fetchPage;
    this.#wait = wait;
    if (next === null) this.state = "ended";
  }

  /** Whether more pictures are on their way, or would be as soon as they are wanted. */
  get isOpen() {
    return this.error === "" && (this.state === "idle" || this.state === "loading");
  }

  /**
   * The pictures that have not been given yet; they count as given from now on.
   *
   * @param {DetailedImage[]} images
   */
  admit(images) {
    return images.filter((image) => !this.#seen.has(image.id) && this.#seen.add(image.id));
  }

  /** @param {number} id  of a picture that must not be given, whatever the pages say */
  exclude(id) {
    this.#seen.add(id);
  }

  /** What it answers is not there any more. */
  vanish() {
    this.stop();
    this.next = null;
    this.#enter("gone");
  }

  /** Fetch the next page unless one is being fetched or there is none. Resolves when the state has settled. */
  async load() {
    if (this.next === null || this.#request) return;
    clearTimeout(this.#timer);
    const request = new AbortController();
    this.#request = request;
    this.#enter("loading");
    try {
      const images = await this.#newPage(request.signal);
      this.#request = null;
      this.#failures = 0;
      this.error = "";
      this.state = this.next === null ? "ended" : "idle";
      this.onpage(images);
      this.onstate();
    } catch (error) {
      if (this.#request !== request) return; // stopped
      this.#request = null;
      this.#fail(error);
    }
  }

  /** Abandon what is under way; `load` goes on from the same place. */
  stop() {
    clearTimeout(this.#timer);
    this.#request?.abort();
    this.#request = null;
    if (this.state === "loading") this.#enter("idle");
  }

  /** Walk from the first page again, for what came in since. */
  rewind() {
    this.next = this.first;
    if (!this.#request) this.#enter("idle");
  }

  /**
   * Pages that hold nothing new are passed over.
   *
   * @param {AbortSignal} signal
   */
  async #newPage(signal) {
    /** @type {DetailedImage[]} */
    let images = [];
    while (images.length === 0 && this.next !== null) {
      const page = await this.#fetchPage(this.next, { signal });
      signal.throwIfAborted();
      this.next = ownAddress(page?.next, this.pageSize);
      if (typeof page?.total === "number") this.total = page.total;
      if (typeof page?.cutoff === "number") this.cutoff = page.cutoff;
      if (Array.isArray(page?.used)) this.used = page.used;
      images = this.admit(readImages(page?.results));
    }
    return images;
  }

  /** @param {unknown} error */
  #fail(error) {
    this.#failures += 1;
    this.error = error instanceof Error ? error.message : String(error);
    const refused = error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 429;
    if (refused && this.next === this.first) {
      this.next = null;
      this.#enter("gone");
      return;
    }
    // A link that the server no longer understands, after an upgrade: what was seen is passed over.
    if (refused) this.next = this.first;
    this.#enter("failed");
    this.#timer = setTimeout(() => this.load(), this.#wait(this.#failures));
  }

  /** @param {FeedState} state */
  #enter(state) {
    this.state = state;
    this.onstate();
  }
}

/**
 * @param {unknown} next
 * @param {number | undefined} pageSize
 * @returns {string | null} only an address on this server
 */
function ownAddress(next, pageSize) {
  if (typeof next !== "string" || !/^\/(?![/\\])/.test(next)) return null;
  return pageSize ? next.replace(/(?<=[?&]limit=)\d+/, String(pageSize)) : next;
}
