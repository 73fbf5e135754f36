// @ts-check
/** What the collection knows of many pictures at once. */

import { call } from "../../api.js";
import { readImages } from "../../images.js";

/** @typedef {import("../../images.js").DetailedImage} DetailedImage */

const AT_ONCE = 200;

/**
 * @param {readonly number[]} ids
 * @returns {Promise<Map<number, DetailedImage>>} those that are in the collection, by id
 * @throws what `call` throws
 */
export async function lookUp(ids) {
  /** @type {Map<number, DetailedImage>} */
  const found = new Map();
  for (let start = 0; start < ids.length; start += AT_ONCE) {
    const answer = await call(`/api/images?ids=${ids.slice(start, start + AT_ONCE).join(",")}`);
    for (const image of readImages(answer?.results)) found.set(image.id, image);
  }
  return found;
}
