// @ts-check
/** One host in a person's words: what it is doing, how fast it is asked, and by whose rules. */

import { count, rate as perSecond } from "../format.js";
import { span, wait } from "./figures.js";

/**
 * Times are in seconds; the API's description says more.
 *
 * @typedef {object} Host
 * @property {string} host     empty for this machine
 * @property {number} waiting
 * @property {number} used
 * @property {number} places
 * @property {number} limit
 * @property {number | null} rate
 * @property {number} share
 * @property {number} pause
 * @property {number} rest
 * @property {number} closed
 * @property {number | null} delay
 * @property {number | null} latency
 * @property {number} requests
 * @property {{rate: number | null, concurrency: number | null, source: string} | null} rule
 */

const EASED = 0.999;
/** A shorter rest is the pace itself, and would only flicker. */
const WORTH_SAYING = 2;

/**
 * @param {Host} host
 * @returns {{state: "asked" | "eased" | "closed" | "resting" | "idle", words: string}}
 */
export function stateOf(host) {
  if (host.closed >= 1) return { state: "closed", words: `asked for a rest, ${wait(host.closed)} more` };
  if (host.share < EASED) return { state: "eased", words: `slowed down to ${Math.max(1, Math.round(100 * host.share))} %` };
  if (host.used > 0) return { state: "asked", words: "being asked" };
  if (host.rest >= WORTH_SAYING) return { state: "resting", words: `next in ${wait(host.rest)}` };
  return host.waiting ? { state: "resting", words: "in line" } : { state: "idle", words: "idle" };
}

/**
 * @param {Host} host
 * @param {number | null} rate  requests a second, as seen here; null while that cannot be told
 */
export function paceOf(host, rate) {
  if (!host.host) return "Files are read as fast as the disk gives them.";
  const parts = [
    `${count(host.used)} of ${count(host.places)} at once`,
    host.pause > 0 ? `one every ${wait(host.pause)}` : "without a pause",
    rate === null ? "" : perSecond(rate),
    host.latency ? `answers in ${wait(host.latency)}` : "",
  ];
  return parts.filter(Boolean).join(" · ");
}

/** @param {Host} host */
export function rulesOf(host) {
  if (!host.host) return "";
  const parts = [];
  const limits = `${host.rate ? `${perSecond(host.rate) || `one every ${wait(1 / host.rate)}`} at most` : "no limit a second"}`;
  parts.push(`${host.rule ? "Its owner's rule" : "The settings"}: ${limits}, ${count(host.limit)} at once`);
  if (host.delay) parts.push(`robots.txt: ${span(host.delay)} between requests`);
  return parts.join(" · ");
}

/**
 * Places as dots: taken, free, and those that it has not earned.
 *
 * @param {Host} host
 * @returns {("used" | "free" | "shut")[]} empty where they would be too many to read
 */
export function dotsOf(host) {
  if (!host.host || host.limit > 16) return [];
  return Array.from({ length: host.limit }, (_, i) => (i < Math.min(host.used, host.places) ? "used" : i < host.places ? "free" : "shut"));
}
