// @ts-check
/** A picture as a text cites it: creator, title, date, medium; home; address and the day it was looked at. */

import { withoutDirections } from "../images.js";

/** @typedef {import("../images.js").DetailedImage} DetailedImage */

const MONTHS = "January February March April May June July August September October November December".split(" ");

/**
 * After the Chicago Manual's form for works of art, in plain text.
 *
 * @param {DetailedImage} image
 * @param {Date} day      when it was looked at
 * @param {string} here   the address of its page in this gallery, where it has none of its own
 */
export function citation(image, day, here) {
  const address = image.pageUrl || image.url || here;
  const work = [image.creator, image.title || "Untitled", image.date, image.medium].map(clean).filter(Boolean).join(", ");
  const home = clean(image.attribution) || new URL(address).host;
  const accessed = `${day.getDate()} ${MONTHS[day.getMonth()]} ${day.getFullYear()}`;
  return `${ended(work)} ${ended(home)} ${address} (accessed ${accessed}).`;
}

/** @param {string} text */
function clean(text) {
  return withoutDirections(text).trim();
}

/** @param {string} text  given a full stop, where it does not end a sentence already */
function ended(text) {
  return /[.!?。！？…]["'”’)]*$/u.test(text) ? text : `${text}.`;
}
