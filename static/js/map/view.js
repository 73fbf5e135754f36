// @ts-check
/**
 * Where on the map one is: pure geometry without a DOM.
 *
 * Map units run from 0 to `SIDE` across and down. At zoom 0 the whole map just fits the screen; each step of 1 doubles it.
 */

/**
 * @typedef {object} View
 * @property {number} x     what lies in the middle of the screen, in map units
 * @property {number} y
 * @property {number} zoom
 */

/**
 * @typedef {object} Size
 * @property {number} width   pixels
 * @property {number} height  pixels
 */

export const SIDE = 65_536;
export const ZOOM_LEAST = -0.5;
export const ZOOM_MOST = 12;

/** @type {Readonly<View>} */
export const WHOLE = { x: SIDE / 2, y: SIDE / 2, zoom: 0 };

/**
 * @param {number} zoom
 * @param {Size} size
 * @returns {number} pixels a map unit
 */
export function scaleOf(zoom, size) {
  return (Math.max(1, Math.min(size.width, size.height)) / SIDE) * 2 ** zoom;
}

/**
 * @param {View} view
 * @param {Size} size
 * @param {number} x  pixels from the left
 * @param {number} y  pixels from the top
 * @returns {{x: number, y: number}} in map units
 */
export function toMap(view, size, x, y) {
  const scale = scaleOf(view.zoom, size);
  return { x: view.x + (x - size.width / 2) / scale, y: view.y + (y - size.height / 2) / scale };
}

/**
 * @param {View} view
 * @param {Size} size
 * @param {number} x  in map units
 * @param {number} y
 * @returns {{x: number, y: number}} pixels from the left and the top
 */
export function toScreen(view, size, x, y) {
  const scale = scaleOf(view.zoom, size);
  return { x: (x - view.x) * scale + size.width / 2, y: (y - view.y) * scale + size.height / 2 };
}

/**
 * @param {View} view
 * @returns {View} within the map and its zooms
 */
export function held(view) {
  return {
    x: between(view.x, 0, SIDE),
    y: between(view.y, 0, SIDE),
    zoom: between(view.zoom, ZOOM_LEAST, ZOOM_MOST),
  };
}

/**
 * @param {View} view
 * @param {Size} size
 * @param {number} dx  pixels by which the map moves to the right
 * @param {number} dy  pixels down
 * @returns {View}
 */
export function panned(view, size, dx, dy) {
  const scale = scaleOf(view.zoom, size);
  return held({ ...view, x: view.x - dx / scale, y: view.y - dy / scale });
}

/**
 * Zoom around a place on the screen, which stays where it is.
 *
 * @param {View} view
 * @param {Size} size
 * @param {number} steps  how much nearer, in doublings
 * @param {number} x      pixels from the left
 * @param {number} y      pixels from the top
 * @returns {View}
 */
export function zoomed(view, size, steps, x, y) {
  const zoom = between(view.zoom + steps, ZOOM_LEAST, ZOOM_MOST);
  const fixed = toMap(view, size, x, y);
  const scale = scaleOf(zoom, size);
  return held({ x: fixed.x - (x - size.width / 2) / scale, y: fixed.y - (y - size.height / 2) / scale, zoom });
}

/**
 * On the way from one view to another.
 *
 * @param {View} from
 * @param {View} to
 * @param {number} share  0 to 1
 * @returns {View}
 */
export function blended(from, to, share) {
  const eased = 1 - (1 - share) ** 3;
  const mix = (/** @type {number} */ a, /** @type {number} */ b) => a + (b - a) * eased;
  return { x: mix(from.x, to.x), y: mix(from.y, to.y), zoom: mix(from.zoom, to.zoom) };
}

/**
 * For the address: `#x,y,zoom`, the place as shares of the map.
 *
 * @param {View} view
 */
export function hashOf(view) {
  return `#${(view.x / SIDE).toFixed(5)},${(view.y / SIDE).toFixed(5)},${view.zoom.toFixed(2)}`;
}

/**
 * @param {string} hash
 * @returns {View | null} null for anything else
 */
export function viewOf(hash) {
  const found = /^#(-?\d{1,3}(?:\.\d{1,9})?),(-?\d{1,3}(?:\.\d{1,9})?),(-?\d{1,3}(?:\.\d{1,9})?)$/.exec(hash);
  return found && held({ x: Number(found[1]) * SIDE, y: Number(found[2]) * SIDE, zoom: Number(found[3]) });
}

/**
 * @param {number} value
 * @param {number} least
 * @param {number} most
 */
function between(value, least, most) {
  return Math.min(most, Math.max(least, value));
}
