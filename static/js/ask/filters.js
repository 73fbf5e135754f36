// @ts-check
/** What an answer is narrowed to, by the names that the API has for it: addresses both ways, and words. No DOM. */

import { count } from "../format.js";
import { inline } from "../images.js";

/** @typedef {"source" | "host" | "creator" | "year_from" | "year_to" | "rights" | "orientation" | "min_width" | "min_side" | "color" | "tolerance"} FilterName */
/** @typedef {Partial<Record<FilterName, string>>} Filters  what each is to be; those not named are open */

/** @type {readonly FilterName[]} in the order in which they are shown and written */
export const NAMES = ["creator", "year_from", "year_to", "host", "source", "rights", "orientation", "min_width", "min_side", "color", "tolerance"];
export const TOLERANCE = 20;
const LONGEST = 2000;

/**
 * @param {URLSearchParams} params
 * @returns {Filters}
 */
export function readFilters(params) {
  /** @type {Filters} */
  const filters = {};
  for (const name of NAMES) {
    const value = params.get(name)?.trim();
    if (value && value.length <= LONGEST) filters[name] = value;
  }
  return tidy(filters);
}

/**
 * @param {Filters | undefined} filters
 * @param {URLSearchParams} params  to append them to
 */
export function writeFilters(filters, params) {
  for (const name of NAMES) if (filters?.[name]) params.append(name, filters[name]);
}

/**
 * With changes; an empty value opens a filter.
 *
 * @param {Filters | undefined} filters
 * @param {Filters} changes
 */
export function changed(filters, changes) {
  return tidy({ ...filters, ...changes });
}

/** @param {Filters | undefined} filters */
export function anyFilter(filters) {
  return NAMES.some((name) => filters?.[name]);
}

/**
 * A chip for each thing that is asked: years make one, and so do a colour and how far from it.
 *
 * @param {Filters | undefined} filters
 * @returns {{label: string, color: string | null, opens: Filters}[]} with the changes that take it away
 */
export function describe(filters = {}) {
  const chips = [];
  const { year_from: from, year_to: to, color } = filters;
  const years = from && to ? (from === to ? year(from) : `${year(from)} to ${year(to)}`) : from ? `from ${year(from)}` : to ? `up to ${year(to)}` : "";
  if (filters.creator) chips.push(chip(`by ${inline(filters.creator)}`, { creator: "" }));
  if (years) chips.push(chip(years, { year_from: "", year_to: "" }));
  if (filters.host) chips.push(chip(`at ${inline(filters.host)}`, { host: "" }));
  if (filters.source) chips.push(chip(`from ${inline(filters.source)}`, { source: "" }));
  if (filters.rights) chips.push(chip(`rights: ${inline(filters.rights)}`, { rights: "" }));
  if (filters.orientation) chips.push(chip(inline(filters.orientation), { orientation: "" }));
  if (filters.min_width) chips.push(chip(`at least ${pixels(filters.min_width)} wide`, { min_width: "" }));
  if (filters.min_side) chips.push(chip(`at least ${pixels(filters.min_side)} each way`, { min_side: "" }));
  if (color) chips.push({ ...chip(`near ${inline(color)}`, { color: "", tolerance: "" }), color: /^#[0-9a-f]{6}$/i.test(color) ? color : null });
  return chips;
}

/**
 * @param {string} label
 * @param {Filters} opens
 * @returns {{label: string, color: string | null, opens: Filters}}
 */
function chip(label, opens) {
  return { label, color: null, opens };
}

/** @param {string} text */
function pixels(text) {
  return /^\d{1,7}$/.test(text) ? `${count(Number(text))} pixels` : text;
}

/** @param {string} text */
function year(text) {
  return /^-\d+$/.test(text) ? `${text.slice(1)} BC` : text;
}

/**
 * @param {Filters} filters
 * @returns {Filters} without what is empty or goes without saying
 */
function tidy(filters) {
  const { color, tolerance } = filters;
  const kept = NAMES.filter((name) => filters[name] && (name !== "tolerance" || (color && Number(tolerance) !== TOLERANCE)));
  return Object.fromEntries(kept.map((name) => [name, filters[name]]));
}
