// @ts-check
/**
 * How each first page of answers is asked for: by its address, by a question in JSON, or by a visitor's own picture.
 * What is likely to be asked for in a moment can be asked for ahead.
 */

import { call } from "../api.js";
import { readImages, thumbnail } from "../images.js";
import { placeOf } from "../places.js";
import { readsAhead, theLine } from "../thrift.js";
import { bodyOf, ownKeys } from "./parts.js";
import { fileOf } from "./pictures.js";

const FRESH = 10_000;
const AHEAD_MOST = 4;
/** Thumbnails that are fetched with an answer that is asked for ahead: those of the first row. */
const PICTURES_AHEAD = 8;

/**
 * The oldest first. Pictures are held on to, so that they stay decoded.
 *
 * @type {Map<string, {answer: Promise<any>, at: number, pictures: HTMLImageElement[]}>}
 */
const ahead = new Map();

/**
 * @param {string} address  of a page of the API, or of a page for people with a limit
 * @param {{signal?: AbortSignal}} [options]
 * @returns {Promise<any>} as `call` does, and raises what it does
 */
export async function fetchAnswers(address, { signal } = {}) {
  const known = ahead.get(address);
  ahead.delete(address);
  // One that has failed is asked for again: why it failed may have passed.
  const answer = known && performance.now() - known.at < FRESH ? await known.answer.catch(() => null) : null;
  return answer ?? ask(address, signal);
}

/**
 * Ask ahead, where that is no waste: the answer is used if it is wanted soon.
 *
 * @param {string} address
 * @param {number} width  of the thumbnails that are shown first
 */
export function askAhead(address, width) {
  const known = ahead.get(address);
  if (!readsAhead(theLine()) || (known && performance.now() - known.at < FRESH)) return;
  ahead.delete(address);
  const answer = ask(address);
  /** @type {HTMLImageElement[]} */
  const pictures = [];
  answer.then(
    (page) => {
      for (const image of readImages(page?.results).slice(0, PICTURES_AHEAD)) {
        const picture = new Image();
        picture.src = thumbnail(image, width);
        pictures.push(picture);
      }
    },
    () => {}, // whoever asks for it in earnest is told
  );
  ahead.set(address, { answer, at: performance.now(), pictures });
  for (const oldest of ahead.keys()) {
    if (ahead.size <= AHEAD_MOST) break;
    ahead.delete(oldest);
  }
}

/**
 * @param {string} address
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
async function ask(address, signal) {
  const place = address.startsWith("/search?") ? placeOf(address) : null;
  const limit = Number(new URL(address, "http://here/").searchParams.get("limit"));
  if (place?.kind !== "search" && place?.kind !== "picture") return call(address, { signal });
  const body = { ...bodyOf(place.parts), filters: place.filters, limit };
  const keys = ownKeys(place.parts);
  if (keys.length === 0) return call("/api/search", { method: "POST", body, signal });
  const form = new FormData();
  for (const key of keys) form.append("image", fileOf(key));
  form.append("question", JSON.stringify(body));
  return call("/api/search", { method: "POST", body: form, signal });
}
