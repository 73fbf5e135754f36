// @ts-check
/** What a picture's element asks for: thumbnails in the sizes that the server has, and the words that stand for it. */

import { nameOf, thumbnail } from "./images.js";

/** @typedef {import("./images.js").DetailedImage} DetailedImage */

/**
 * @param {HTMLImageElement} picture
 * @param {DetailedImage} image
 * @param {readonly number[]} widths  the server's thumbnail widths, ascending
 */
export function fillPicture(picture, image, widths) {
  picture.alt = nameOf(image);
  picture.setAttribute("width", String(image.width));
  picture.setAttribute("height", String(image.height));
  picture.srcset = srcsetOf(image, widths);
  picture.src = thumbnail(image, widths[0]);
}

/**
 * @param {{id: number}} image
 * @param {readonly number[]} widths
 */
export function srcsetOf(image, widths) {
  return widths.map((width) => `${thumbnail(image, width)} ${width}w`).join(", ");
}
