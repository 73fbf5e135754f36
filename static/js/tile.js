// @ts-check
/** One picture on the wall: a link with a thumbnail, which is asked for again when it fails. */

import { backoff } from "./backoff.js";
import { copy, part } from "./dom.js";
import { percent } from "./format.js";
import { nameOf, thumbnail } from "./images.js";

/** @typedef {import("./grid.js").Box} Box */
/** @typedef {import("./images.js").DetailedImage} DetailedImage */

const TRIES = 4;

/**
 * @param {HTMLTemplateElement} template  the page's markup of a tile
 * @param {DetailedImage} image
 * @param {readonly number[]} widths      the server's thumbnail widths, ascending
 * @returns {HTMLLIElement}
 */
export function createTile(template, image, widths) {
  const tile = /** @type {HTMLLIElement} */ (copy(template));
  tile.dataset.id = String(image.id);
  part(tile, "a").setAttribute("href", `/similar/${image.id}`);
  fillPicture(part(tile, "img"), image, widths);
  part(tile, ".caption-title").textContent = image.title;
  part(tile, ".caption-creator").textContent = image.creator;
  equip(tile, image);
  return tile;
}

/**
 * Give a tile, made here or by the server, its behaviour and what this picture's answer adds to it.
 *
 * @param {HTMLLIElement} tile
 * @param {DetailedImage} image
 */
export function equip(tile, image) {
  const note = [
    image.score === null ? "" : `${percent(image.score)} alike`,
    image.nearDuplicates > 0 ? `+${image.nearDuplicates} nearly the same` : "",
  ];
  part(tile, ".caption-note").textContent = note.filter(Boolean).join(" · ");
  part(tile, ".caption").hidden = !(image.title || image.creator || note.some(Boolean));
  tile.style.backgroundColor = image.color;
  watchPicture(part(tile, "img"), part(tile, ".again"));
}

/**
 * @param {HTMLImageElement} picture
 * @param {DetailedImage} image
 * @param {readonly number[]} widths
 */
export function fillPicture(picture, image, widths) {
  picture.alt = nameOf(image);
  picture.setAttribute("width", String(image.width));
  picture.setAttribute("height", String(image.height));
  picture.srcset = widths.map((width) => `${thumbnail(image, width)} ${width}w`).join(", ");
  picture.src = thumbnail(image, widths[0]);
}

/**
 * @param {HTMLLIElement} tile
 * @param {Box} box  pixels
 */
export function placeTile(tile, box) {
  const { style } = tile;
  style.left = `${box.left}px`;
  style.top = `${box.top}px`;
  style.width = `${box.width}px`;
  style.height = `${box.height}px`;
  part(tile, "img").sizes = `${box.width}px`;
}

/**
 * Fade a picture in when it has come; try again when it has not, and offer that after a few tries.
 *
 * @param {HTMLImageElement} picture
 * @param {HTMLButtonElement} again  the button that offers it
 */
export function watchPicture(picture, again) {
  const { srcset, src } = picture;
  let failures = 0;
  let waiting = false;
  const retry = () => {
    waiting = false;
    again.hidden = true;
    picture.srcset = srcset.replaceAll(/(\/\d+)(?= \d+w)/g, `$1?again=${failures}`);
    picture.src = `${src}?again=${failures}`;
  };
  const failed = () => {
    if (waiting) return; // the browser may report one failure twice, and other sizes of a picture on their own
    waiting = true;
    failures += 1;
    if (failures % TRIES === 0) again.hidden = false;
    else setTimeout(() => picture.isConnected && retry(), backoff(failures % TRIES, { first: 0.5 }));
  };
  picture.addEventListener("error", failed);
  picture.addEventListener("load", () => picture.classList.add("loaded"));
  again.addEventListener("click", retry);
  if (!picture.complete) return;
  if (picture.naturalWidth > 0) picture.classList.add("loaded");
  else if (picture.currentSrc) failed();
}
