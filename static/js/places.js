// @ts-check
/** Where a visitor can be: a shuffle of the whole collection, or the pictures like one picture. Addresses both ways. */

/** @typedef {{kind: "random", seed: number | null} | {kind: "similar", id: number}} Place */

/**
 * @param {string} url  an address on this site
 * @returns {Place | null} null for pages that are not the gallery's
 */
export function placeOf(url) {
  const { pathname, searchParams } = new URL(url, "http://here/");
  const similar = /^\/similar\/(\d{1,15})$/.exec(pathname);
  if (similar) return { kind: "similar", id: Number(similar[1]) };
  if (pathname !== "/") return null;
  const seed = searchParams.get("seed");
  return { kind: "random", seed: seed !== null && /^-?\d{1,15}$/.test(seed) ? Number(seed) : null };
}

/**
 * The address for people.
 *
 * @param {Place} place
 */
export function pageOf(place) {
  if (place.kind === "similar") return `/similar/${place.id}`;
  return place.seed === null ? "/" : `/?seed=${place.seed}`;
}

/**
 * The address of the first page of answers.
 *
 * @param {Place} place
 * @param {number} limit
 */
export function answersOf(place, limit) {
  if (place.kind === "similar") return `/api/images/${place.id}/similar?limit=${limit}`;
  return `/api/random?limit=${limit}${place.seed === null ? "" : `&seed=${place.seed}`}`;
}

/** A shuffle that nobody has seen. */
export function freshSeed() {
  return Math.floor(Math.random() * 2 ** 31);
}
