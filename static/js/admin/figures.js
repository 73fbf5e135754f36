// @ts-check
/** Figures of the admin page as people read them. */

import { count, counted } from "../format.js";

const UNITS = ["bytes", "kB", "MB", "GB", "TB", "PB"];
const SMALL = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

/** @param {number} value  1000 bytes are a kB */
export function bytes(value) {
  let unit = 0;
  let left = Math.max(0, value);
  // What would be shown as 1,000 is shown as 1 of the next.
  for (; left >= 999.5 && unit < UNITS.length - 1; unit += 1) left /= 1000;
  return `${unit ? SMALL.format(left) : count(Math.round(left))} ${UNITS[unit]}`;
}

/** @param {number} seconds  a guess, told no more exactly than it is */
export function about(seconds) {
  if (seconds < 50) return "less than a minute";
  const minutes = seconds / 60;
  if (minutes < 10) return `about ${Math.round(minutes)} min`;
  if (minutes < 90) return `about ${Math.round(minutes / 5) * 5} min`;
  if (minutes < 36 * 60) return `about ${counted(Math.round(minutes / 60), "hour")}`;
  return `about ${counted(Math.round(minutes / 1440), "day")}`;
}

/** @param {number} seconds  exactly said where that is short, as people set them */
export function span(seconds) {
  for (const [length, one] of /** @type {const} */ ([[86_400, "day"], [3_600, "hour"], [60, "minute"]])) {
    if (seconds >= length && seconds % length === 0) return counted(seconds / length, one);
  }
  return seconds < 60 ? `${SMALL.format(seconds)} s` : `${SMALL.format(seconds / 60)} min`;
}

/** @param {number} seconds  to go on after "every" */
export function each(seconds) {
  return span(seconds).replace(/^1 /, "");
}

/** @param {number} seconds  a wait that goes down while one looks */
export function wait(seconds) {
  if (seconds < 10) return `${SMALL.format(Math.max(0.1, Math.round(seconds * 10) / 10))} s`;
  if (seconds < 100) return `${Math.round(seconds)} s`;
  return `${Math.round(seconds / 60)} min`;
}

/** @param {string} iso  ISO 8601 */
export function seconds(iso) {
  return Date.parse(iso) / 1000;
}
