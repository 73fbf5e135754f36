// @ts-check
/** Pictures that questions are made of: what is known of the latest, and of others when the server has told. */

import { call } from "../api.js";
import { readImage } from "../images.js";

/** @typedef {import("../images.js").DetailedImage} DetailedImage */

const KEPT = 200;

/** @type {Map<number, DetailedImage>} least recently met first */
const known = new Map();

/** @param {DetailedImage} image */
export function remember(image) {
  known.delete(image.id);
  known.set(image.id, image);
  for (const oldest of known.keys()) {
    if (known.size <= KEPT) break;
    known.delete(oldest);
  }
}

/**
 * @param {number} id
 * @returns {DetailedImage | undefined}
 */
export function recall(id) {
  return known.get(id);
}

/**
 * Ask the server for those of which nothing is known.
 *
 * @param {readonly number[]} ids
 * @returns {Promise<boolean>} whether any has come to be known
 */
export async function learn(ids) {
  const asked = ids.filter((id) => !known.has(id)).map((id) => call(`/api/images/${id}`));
  const answers = await Promise.allSettled(asked);
  let any = false;
  for (const answer of answers) {
    const image = answer.status === "fulfilled" ? readImage(answer.value) : null;
    if (image) remember(image);
    any ||= image !== null;
  }
  return any;
}
