// @ts-check
/**
 * Where a visitor can be: a shuffle of the collection, the pictures like one picture, or the answer to a question of
 * several parts; each narrowed by filters or not. Addresses both ways.
 */

import { readFilters, writeFilters } from "./ask/filters.js";
import { asksForSomething, partOf, readParts, writeParts } from "./ask/parts.js";

/** @typedef {import("./ask/filters.js").Filters} Filters */
/** @typedef {import("./ask/parts.js").Part} Part */

/**
 * In the parts of `picture` is one of the visitor's own, which stays with the visitor: its address leads nobody else to it.
 *
 * @typedef {{filters?: Filters} & (
 *     {kind: "random", seed: number | null}
 *   | {kind: "similar", id: number}
 *   | {kind: "search", parts: Part[]}
 *   | {kind: "picture", parts: Part[]}
 * )} Place
 */

/**
 * @param {string} url  an address on this site
 * @returns {Place | null} null for pages that are not the gallery's
 */
export function placeOf(url) {
  const { pathname, searchParams } = new URL(url, "http://here/");
  const filters = readFilters(searchParams);
  const similar = /^\/similar\/(\d{1,15})$/.exec(pathname);
  if (similar) return { kind: "similar", id: Number(similar[1]), filters };
  if (pathname === "/search") return placeOfParts(readParts(searchParams), filters);
  if (pathname !== "/") return null;
  const seed = searchParams.get("seed");
  return { kind: "random", seed: seed !== null && /^-?\d{1,15}$/.test(seed) ? Number(seed) : null, filters };
}

/**
 * The plainest place where this is answered.
 *
 * @param {Part[]} parts
 * @param {Filters} [filters]
 * @returns {Place}
 */
export function placeOfParts(parts, filters = {}) {
  if (!asksForSomething(parts)) return { kind: "random", seed: null, filters };
  const [first] = parts;
  if (parts.length === 1 && first.kind === "id") return { kind: "similar", id: Number(first.value), filters };
  return { kind: parts.some((part) => part.kind === "own") ? "picture" : "search", parts, filters };
}

/**
 * What is asked at a place, to be added to.
 *
 * @param {Place} place
 * @returns {Part[]}
 */
export function partsOf(place) {
  if (place.kind === "similar") return [partOf("id", place.id)];
  return place.kind === "search" || place.kind === "picture" ? place.parts : [];
}

/**
 * The address for people.
 *
 * @param {Place} place
 */
export function pageOf(place) {
  const params = new URLSearchParams();
  if (place.kind === "random" && place.seed !== null) params.set("seed", String(place.seed));
  if (place.kind === "search" || place.kind === "picture") writeParts(place.parts, params);
  writeFilters(place.filters, params);
  const path = place.kind === "random" ? "/" : place.kind === "similar" ? `/similar/${place.id}` : "/search";
  return params.size ? `${path}?${String(params).replaceAll("%7E", "~")}` : path;
}

const FIRST_ANSWERS = 20;

/**
 * The address of the first page of answers; `ask/answers.js` knows how each is asked for.
 *
 * @param {Place} place
 * @param {number} limit
 */
export function answersOf(place, limit) {
  // A few that are there at once: looking for more takes longer, and comes while they are looked at.
  if (place.kind !== "random") limit = Math.min(limit, FIRST_ANSWERS);
  if (place.kind === "search" || place.kind === "picture") return `${pageOf(place)}&limit=${limit}`;
  const params = new URLSearchParams({ limit: String(limit) });
  if (place.kind === "random" && place.seed !== null) params.set("seed", String(place.seed));
  writeFilters(place.filters, params);
  return place.kind === "similar" ? `/api/images/${place.id}/similar?${params}` : `/api/random?${params}`;
}

/** A shuffle that nobody has seen. */
export function freshSeed() {
  return Math.floor(Math.random() * 2 ** 31);
}
