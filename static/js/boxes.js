// @ts-check
/** Where a tile lies on the wall. */

/** @typedef {import("./grid.js").Box} Box */

/**
 * @param {HTMLElement} tile
 * @param {Box} box  pixels
 */
export function placeTile(tile, box) {
  const { style } = tile;
  style.left = `${box.left}px`;
  style.top = `${box.top}px`;
  style.width = `${box.width}px`;
  style.height = `${box.height}px`;
}
