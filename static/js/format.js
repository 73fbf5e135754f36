// @ts-check
/** Numbers and times as people read them. */

const WHOLE = new Intl.NumberFormat("en");
const SMALL = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

/** @param {number} value */
export function count(value) {
  return WHOLE.format(value);
}

/**
 * @param {number} value
 * @param {string} one   the noun for one
 * @param {string} many  the noun for any other number
 */
export function counted(value, one, many = `${one}s`) {
  return `${WHOLE.format(value)} ${value === 1 ? one : many}`;
}

/**
 * @param {number | null | undefined} perSecond
 * @returns {string} empty when next to nothing happens
 */
export function rate(perSecond) {
  if (typeof perSecond !== "number" || !(perSecond >= 0.05)) return "";
  return `${perSecond < 9.95 ? SMALL.format(perSecond) : WHOLE.format(Math.round(perSecond))}/s`;
}

/**
 * @param {number} then  seconds since the epoch
 * @param {number} now   seconds since the epoch
 */
export function ago(then, now) {
  const seconds = Math.max(0, now - then);
  if (seconds < 10) return "just now";
  if (seconds < 90) return `${Math.round(seconds)} s ago`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 36 * 3600) return `${Math.round(seconds / 3600)} h ago`;
  return `${WHOLE.format(Math.round(seconds / 86_400))} days ago`;
}

/** @param {number} share  0 to 1 */
export function percent(share) {
  return `${Math.round(100 * Math.max(0, share))} %`;
}

/** @param {number} seconds */
export function duration(seconds) {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1) return counted(Math.floor(seconds), "second");
  if (minutes < 60) return counted(minutes, "minute");
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${counted(hours, "hour")} ${minutes % 60} min`;
  return counted(Math.floor(hours / 24), "day");
}
