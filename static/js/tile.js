// @ts-check
/**
 * One picture on the wall: a link with a thumbnail, which is asked for again when it fails.
 *
 * The smallest thumbnail comes first, also where the screen could show more: so a wall that is scrolled has little to
 * fetch and to decode. One that is looked at is `sharpened`.
 */

import { backoff } from "./backoff.js";
import { copy, part } from "./dom.js";
import { nameOf, thumbnail } from "./images.js";

/** @typedef {import("./images.js").DetailedImage} DetailedImage */

const TRIES = 4;

/** A picture that comes as soon as this is there at once, in milliseconds; a later one fades in. */
const AT_ONCE = 300;

/**
 * @param {HTMLTemplateElement} template  the page's markup of a tile
 * @param {DetailedImage} image
 * @param {number} smallest               the server's smallest thumbnail width
 * @param {number} width                  of its box, in pixels
 * @returns {HTMLLIElement}
 */
export function createTile(template, image, smallest, width) {
  const tile = /** @type {HTMLLIElement} */ (copy(template));
  tile.dataset.id = String(image.id);
  part(tile, "a").setAttribute("href", `/similar/${image.id}`);
  const picture = part(tile, "img");
  picture.sizes = `${width}px`;
  fillPicture(picture, image, [smallest]);
  equip(tile, image);
  return tile;
}

/**
 * Give a tile, made here or by the server, its behaviour.
 *
 * @param {HTMLLIElement} tile
 * @param {DetailedImage} image
 */
export function equip(tile, image) {
  tile.style.backgroundColor = image.color;
  watchPicture(part(tile, "img"), () => offerAgain(tile));
}

/**
 * Give the tile's picture, which has come, as many pixels as the screen shows.
 *
 * @param {HTMLLIElement} tile
 * @param {{id: number}} image
 * @param {readonly number[]} widths  the server's thumbnail widths, ascending
 * @param {number} width              of its box, in pixels
 */
export function sharpen(tile, image, widths, width) {
  const picture = part(tile, "img");
  if (width * devicePixelRatio <= widths[0] || widths.length < 2 || !picture.classList.contains("loaded")) return;
  if (picture.dataset.sharp === String(width)) return;
  picture.dataset.sharp = String(width);
  picture.sizes = `${width}px`;
  picture.decoding = "sync"; // else the box would be empty for a moment between the two
  picture.srcset = srcsetOf(image, widths);
}

/**
 * Say what a picture is called, once that is known.
 *
 * @param {HTMLLIElement} tile
 * @param {DetailedImage} image
 */
export function nameTile(tile, image) {
  part(tile, "img").alt = nameOf(image);
}

/**
 * What has not come is not waited for: others want the line.
 *
 * @param {HTMLLIElement} tile
 */
export function takeDown(tile) {
  const picture = tile.querySelector("img");
  if (picture && !picture.complete) {
    picture.removeAttribute("srcset");
    picture.removeAttribute("src");
  }
  tile.remove();
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
  picture.srcset = srcsetOf(image, widths);
  picture.src = thumbnail(image, widths[0]);
}

/**
 * @param {{id: number}} image
 * @param {readonly number[]} widths
 */
function srcsetOf(image, widths) {
  return widths.map((width) => `${thumbnail(image, width)} ${width}w`).join(", ");
}

/**
 * Show a picture when it has come; try again when it has not, and offer that after a few tries.
 *
 * @param {HTMLImageElement} picture
 * @param {() => HTMLButtonElement} button  the one that offers it, hidden
 */
export function watchPicture(picture, button) {
  const { srcset, src } = picture;
  const since = performance.now();
  let failures = 0;
  let waiting = false;
  /** @type {HTMLButtonElement | null} */
  let again = null;
  const loaded = () => {
    if (performance.now() - since > AT_ONCE) picture.classList.add("late");
    picture.classList.add("loaded");
  };
  const retry = () => {
    waiting = false;
    if (again) again.hidden = true;
    picture.srcset = srcset.replaceAll(/(\/\d+)(?= \d+w)/g, `$1?again=${failures}`);
    picture.src = `${src}?again=${failures}`;
  };
  const offer = () => {
    if (!again) {
      again = button();
      again.addEventListener("click", retry);
    }
    again.hidden = false;
  };
  const failed = () => {
    if (waiting) return; // the browser may report one failure twice, and other sizes of a picture on their own
    waiting = true;
    failures += 1;
    if (failures % TRIES === 0) offer();
    else setTimeout(() => picture.isConnected && retry(), backoff(failures % TRIES, { first: 0.5 }));
  };
  picture.addEventListener("error", failed);
  picture.addEventListener("load", loaded);
  if (!picture.complete) return;
  if (picture.naturalWidth > 0) loaded();
  else if (picture.currentSrc) failed();
}

/** @param {HTMLLIElement} tile */
function offerAgain(tile) {
  const button = document.createElement("button");
  button.className = "again";
  button.type = "button";
  button.textContent = "Try again";
  button.hidden = true;
  part(tile, "a").after(button);
  return button;
}
