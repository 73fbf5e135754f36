// @ts-check
/**
 * How a picture lies in its frame while somebody looks closer. Pure geometry without a DOM.
 *
 * Points are pixels from the middle of the frame. At scale 1 the picture is whole; its edges never come further in
 * than the frame's.
 */

/** @typedef {{x: number, y: number}} Point */
/** @typedef {{width: number, height: number}} Size */
/** @typedef {{scale: number, x: number, y: number}} Zoom  `x` and `y` are where the picture's middle is */

/**
 * @typedef {object} Frame
 * @property {Size} size   of the frame
 * @property {Size} base   of the picture at scale 1
 * @property {number} most the largest scale
 */

/** The whole picture. */
export const WHOLE = Object.freeze({ scale: 1, x: 0, y: 0 });

/** Pixels of the screen that a pixel of the picture may take while the picture is whole. */
const ENLARGED = 2;
/** A picture of few pixels can be enlarged so many times all the same. */
const LEAST_MOST = 4;
const CLOSE = 2.5;
const LINE = 16;
const PAGE = 400;

/**
 * @param {Size} picture  its own size
 * @param {Size} size     of the frame
 * @returns {Frame}
 */
export function frameOf(picture, size) {
  const factor = Math.min(size.width / picture.width, size.height / picture.height, ENLARGED);
  const base = { width: picture.width * factor, height: picture.height * factor };
  return { size, base, most: Math.max(LEAST_MOST, ENLARGED / factor) };
}

/**
 * @param {Zoom} zoom
 * @param {number} factor
 * @param {Point} at      what stays where it is
 * @param {Frame} frame
 * @returns {Zoom}
 */
export function zoomed(zoom, factor, at, frame) {
  const scale = within(zoom.scale * factor, 1, frame.most);
  const ratio = scale / zoom.scale;
  return bounded({ scale, x: at.x - (at.x - zoom.x) * ratio, y: at.y - (at.y - zoom.y) * ratio }, frame);
}

/**
 * @param {Zoom} zoom
 * @param {number} x  pixels to move by
 * @param {number} y
 * @param {Frame} frame
 * @returns {Zoom}
 */
export function panned(zoom, x, y, frame) {
  return bounded({ ...zoom, x: zoom.x + x, y: zoom.y + y }, frame);
}

/**
 * Two fingers have moved: what lies under them stays under them.
 *
 * @param {Zoom} zoom
 * @param {[Point, Point]} before
 * @param {[Point, Point]} after
 * @param {Frame} frame
 * @returns {Zoom}
 */
export function pinched(zoom, before, after, frame) {
  const from = middle(before);
  const to = middle(after);
  const factor = distance(after) / Math.max(1, distance(before));
  return panned(zoomed(zoom, factor, from, frame), to.x - from.x, to.y - from.y, frame);
}

/**
 * Between the whole picture and a close look.
 *
 * @param {Zoom} zoom
 * @param {Point} at
 * @param {Frame} frame
 * @returns {Zoom}
 */
export function toggled(zoom, at, frame) {
  return zoom.scale > 1 ? WHOLE : zoomed(zoom, CLOSE, at, frame);
}

/**
 * The zoom in another frame, as after a resize: what was in the middle stays there.
 *
 * @param {Zoom} zoom
 * @param {Frame} before
 * @param {Frame} after
 * @returns {Zoom}
 */
export function refitted(zoom, before, after) {
  const x = (zoom.x / before.base.width) * after.base.width;
  const y = (zoom.y / before.base.height) * after.base.height;
  return bounded({ scale: within(zoom.scale, 1, after.most), x, y }, after);
}

/**
 * @param {{deltaY: number, deltaMode: number, ctrlKey: boolean}} wheel  a wheel's event; with `ctrlKey` a pinch on a touchpad
 * @returns {number} the factor that it asks for
 */
export function wheelFactor({ deltaY, deltaMode, ctrlKey }) {
  const pixels = deltaY * (deltaMode === 1 ? LINE : deltaMode === 2 ? PAGE : 1);
  return within(Math.exp(-pixels * (ctrlKey ? 0.01 : 0.0025)), 0.5, 2);
}

/**
 * @param {Zoom} zoom
 * @param {Frame} frame
 * @returns {Zoom}
 */
function bounded(zoom, { size, base }) {
  const x = Math.max(0, (base.width * zoom.scale - size.width) / 2);
  const y = Math.max(0, (base.height * zoom.scale - size.height) / 2);
  return { scale: zoom.scale, x: within(zoom.x, -x, x), y: within(zoom.y, -y, y) };
}

/**
 * @param {number} value
 * @param {number} least
 * @param {number} most
 */
function within(value, least, most) {
  return Math.min(most, Math.max(least, value));
}

/** @param {[Point, Point]} points */
function middle([one, other]) {
  return { x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 };
}

/** @param {[Point, Point]} points */
function distance([one, other]) {
  return Math.hypot(one.x - other.x, one.y - other.y);
}
