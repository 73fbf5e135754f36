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

/**
 * @param {Box} one
 * @param {Box} other
 */
export function sameBox(one, other) {
  return one.left === other.left && one.top === other.top && one.width === other.width && one.height === other.height;
}
