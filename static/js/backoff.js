// @ts-check
/** Waits between tries: doubling, bounded, with jitter so that many pages do not come back at once. */

/**
 * @param {number} attempt  tries that have failed, 1 or more
 * @param {{first?: number, longest?: number, random?: () => number}} [options]  seconds
 * @returns {number} milliseconds
 */
export function backoff(attempt, { first = 1, longest = 30, random = Math.random } = {}) {
  const seconds = Math.min(longest, first * 2 ** Math.min(attempt - 1, 30));
  return 1000 * seconds * (0.75 + 0.5 * random());
}
