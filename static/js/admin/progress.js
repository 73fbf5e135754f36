// @ts-check
/** How fast a source goes and how long it still takes, told by its last minute alone. */

const WINDOW = 60;
/** Seconds that must have been seen before anything is said. */
const FOR_RATE = 3;
const FOR_TIME_LEFT = 15;
/** A source that finds more than this share of what it settles has no end in sight. */
const STILL_FINDING = 0.05;

/**
 * @typedef {object} Counts
 * @property {number} found
 * @property {number} pending
 * @property {number} done
 * @property {number} failed
 * @property {number} images
 */

export class Progress {
  /** @type {{at: number, found: number, settled: number, images: number}[]} */
  #marks = [];
  #pending = 0;

  /**
   * @param {Counts} counts
   * @param {number} at  seconds of a clock that only goes on
   */
  note(counts, at) {
    const last = this.#marks.at(-1);
    const settled = counts.done + counts.failed;
    if (last && (settled < last.settled || counts.images < last.images || at < last.at)) this.forget();
    this.#marks.push({ at, found: counts.found, settled, images: counts.images });
    // One older than the window stays, so that the window is always covered.
    while (this.#marks.length > 2 && this.#marks[1].at <= at - WINDOW) this.#marks.shift();
    this.#pending = counts.pending;
  }

  /** What was seen no longer tells: it is paused, or has begun anew. */
  forget() {
    this.#marks = [];
  }

  /** Pictures a second over the last minute; null while that cannot be told. */
  get rate() {
    const [first, last, span] = this.#span();
    return span < FOR_RATE ? null : (last.images - first.images) / span;
  }

  /** Seconds until nothing waits any more; null where that cannot be known. */
  get left() {
    const [first, last, span] = this.#span();
    if (span < FOR_TIME_LEFT || this.#pending === 0) return null;
    const settled = last.settled - first.settled;
    if (settled <= 0 || last.found - first.found > STILL_FINDING * settled) return null;
    return (this.#pending * span) / settled;
  }

  /** @returns {[any, any, number]} */
  #span() {
    const first = this.#marks[0];
    const last = this.#marks.at(-1);
    return [first, last, first && last ? last.at - first.at : 0];
  }
}
