// @ts-check
/** How densely pictures hang: how high rows are, and how much room is between them. No DOM. */

import { targetHeight } from "./layout.js";

/** @typedef {import("./layout.js").Frame} Frame */
/** @typedef {"airy" | "normal" | "dense"} Density */

/** In the browser's storage; `boot.js` reads it before the page is drawn. */
export const KEY = "artalike:density";

/** @type {readonly Density[]} */
export const DENSITIES = ["airy", "normal", "dense"];

/** Rows are so many times as high, gaps so many times as wide as usual. */
const FACTORS = { airy: { height: 1.45, gap: 1.6 }, normal: { height: 1, gap: 1 }, dense: { height: 0.66, gap: 0.6 } };

/** Below it a picture is hard to touch. */
const LOWEST = 96;

/**
 * @param {unknown} value  from storage
 * @returns {Density}
 */
export function readDensity(value) {
  return DENSITIES.find((density) => density === value) ?? "normal";
}

/** @param {Density} density */
export function denser(density) {
  return DENSITIES[(DENSITIES.indexOf(density) + 1) % DENSITIES.length];
}

/**
 * @param {number} width  of the wall, in pixels
 * @param {Density} density
 * @returns {Frame}
 */
export function frameFor(width, density) {
  const { height, gap } = FACTORS[density];
  return {
    width,
    height: Math.max(LOWEST, Math.round(targetHeight(width) * height)),
    gap: Math.round((width < 600 ? 6 : 10) * gap),
  };
}
