// @ts-check
/**
 * What the gallery's page runs first: it hangs the pictures that the server has sent, with nothing but their shapes, and
 * then brings the rest of the program. So the first pictures wait for a few small modules, and not for all.
 *
 * A page that somebody comes back to is left alone: what it showed is not what the server has sent.
 */

import { placeTile } from "./boxes.js";
import { frameFor, readDensity } from "./density.js";
import { DIVIDER, nextRow, topOf } from "./layout.js";

/** In milliseconds. Who does something is not kept waiting. */
const LONGEST_WAIT = 1_000;
const SIGNS = ["pointerdown", "keydown", "wheel", "touchstart", "focusin"];

const main = /** @type {HTMLElement} */ (document.querySelector("main"));
const wall = /** @type {HTMLElement} */ (document.querySelector("#wall"));
const rest = /** @type {HTMLTemplateElement} */ (document.querySelector("#rest")).content;

/** @returns {HTMLImageElement[]} the pictures on the screen */
function hang() {
  const items = /** @type {HTMLElement[]} */ ([...wall.children]);
  const divider = items.find((item) => item.classList.contains("divider"));
  const tiles = items.filter((item) => item !== divider);
  const split = divider ? items.indexOf(divider) : null;
  const frame = frameFor(Math.floor(wall.clientWidth), readDensity(document.documentElement.dataset.density));
  const { boxes, height, dividerTop } = placed(Float32Array.from(tiles, ratioOf), frame, split);
  wall.classList.add("ready");
  wall.style.height = `${height}px`;
  const edge = innerHeight - wall.getBoundingClientRect().top;
  const shown = [];
  for (const [index, tile] of tiles.entries()) {
    const box = boxes[index];
    if (!box || box.top > edge) {
      tile.remove(); // hung again by the wall when its time comes
      continue;
    }
    placeTile(tile, box);
    const picture = /** @type {HTMLImageElement} */ (tile.querySelector("img"));
    // As if the screen were a coarse one: the wall sharpens what is looked at.
    picture.sizes = `${Math.ceil(box.width / devicePixelRatio)}px`;
    picture.loading = "eager"; // what lies on the screen waits for no look at what does
    shown.push({ picture, area: box.width * box.height });
  }
  if (divider && dividerTop !== null) {
    divider.style.top = `${dividerTop}px`;
    divider.style.height = `${DIVIDER}px`;
  }
  shown.sort((one, other) => other.area - one.area);
  if (shown.length > 0) shown[0].picture.fetchPriority = "high"; // the eye goes to the largest
  return shown.map(({ picture }) => picture);
}

/**
 * The boxes of the pictures that have a place, as the wall's grid would give them.
 *
 * @param {Float32Array} ratios
 * @param {import("./layout.js").Frame} frame
 * @param {number | null} split  the first picture that is less alike
 */
function placed(ratios, frame, split) {
  const boxes = [];
  let height = 0;
  let dividerTop = null;
  for (let row = nextRow(ratios, 0, frame, split); row; row = nextRow(ratios, boxes.length, frame, split)) {
    const top = topOf(boxes.length, height, frame, split);
    if (boxes.length === split) dividerTop = top - DIVIDER;
    for (const [column, left] of row.lefts.entries()) {
      boxes.push({ left, top, width: row.widths[column], height: row.height });
    }
    height = top + row.height;
  }
  return { boxes, height, dividerTop };
}

/** @param {HTMLElement} tile */
function ratioOf(tile) {
  const { width, height } = shapeOf(tile);
  return width / height;
}

/** @param {HTMLElement} tile */
function shapeOf(tile) {
  const picture = tile.querySelector("img");
  return { width: Number(picture?.getAttribute("width")), height: Number(picture?.getAttribute("height")) };
}

/** Give the picture that the others are like its shape, as the program does when it has come. */
function shapeQuestion() {
  const frame = /** @type {HTMLElement | null} */ (document.querySelector("#question:not([hidden]) .question-picture"));
  if (!frame) return;
  const { width, height } = shapeOf(frame);
  frame.style.setProperty("--ratio", String(width / height));
}

/** @param {HTMLImageElement} picture */
function arrived(picture) {
  if (picture.complete) return Promise.resolve();
  return new Promise((resolve) => ["load", "error"].forEach((type) => picture.addEventListener(type, resolve, { once: true })));
}

let brought = false;

function bring() {
  if (brought) return;
  brought = true;
  const program = rest.querySelector("link")?.href ?? "";
  document.head.append(rest);
  // Without it the page stays usable as the server has rendered it.
  import(program).catch((error) => {
    wall.classList.remove("ready");
    document.documentElement.classList.remove("js");
    throw error; // told in the console
  });
}

if (history.state?.key || document.querySelector("#chips > li")) {
  bring();
} else {
  shapeQuestion();
  const shown = hang();
  main.classList.add("laid");
  for (const sign of SIGNS) addEventListener(sign, bring, { once: true, passive: true });
  setTimeout(bring, LONGEST_WAIT);
  // Where the viewer lies over the wall, its picture alone is seen.
  const viewed = /** @type {HTMLImageElement | null} */ (document.querySelector("#viewer[open] img"));
  // A frame later: they are painted before anything else is done.
  Promise.all((viewed ? [viewed] : shown).map(arrived)).then(() => requestAnimationFrame(() => setTimeout(bring)));
}
