// @ts-check
/**
 * The viewer's address. It lies over a wall that has an address of its own, which the history's entry keeps as `under`
 * beside what the wall has put there.
 */

import { placeOf } from "../places.js";

/**
 * @param {string} url  an address on this site
 * @returns {number | null} the id of the picture in the viewer; null where none is
 */
export function viewedAt(url) {
  const found = /^\/image\/(\d{1,15})$/.exec(new URL(url, "http://here/").pathname);
  return found ? Number(found[1]) : null;
}

/** @param {number} id */
export function viewerOf(id) {
  return `/image/${id}`;
}

/** The address of the wall of the history's current entry, whether or not the viewer is open over it. */
export function wallAddress() {
  const id = viewedAt(location.href);
  if (id === null) return location.href;
  const { under } = history.state ?? {};
  return typeof under === "string" && placeOf(under) ? under : `/similar/${id}`;
}
