// @ts-check
/**
 * Points as round dots in a buffer of pixels: one pass over what is on the screen, at the same speed on every machine.
 * Pure, without a DOM.
 */

import { SIDE, scaleOf, toMap } from "./view.js";

/** @typedef {import("./points.js").Points} Points */
/** @typedef {import("./view.js").Size} Size */
/** @typedef {import("./view.js").View} View */

const WIDEST = 9;
const NARROWEST = 2;
/** How far from the paper's light a dot's at least is, of 255: a white picture must show on white paper. */
const CONTRAST = 46;

/**
 * @param {Points} points
 * @param {readonly [number, number, number]} paper  red, green, blue
 * @returns {Uint32Array} a pixel for each point, as ImageData has them
 */
export function inks(points, paper) {
  const inks = new Uint32Array(points.count);
  const ground = light(paper[0], paper[1], paper[2]);
  for (let index = 0; index < points.count; index++) {
    let red = points.colors[3 * index];
    let green = points.colors[3 * index + 1];
    let blue = points.colors[3 * index + 2];
    const missing = CONTRAST - Math.abs(light(red, green, blue) - ground);
    if (missing > 0) {
      const away = ground > 127 ? -missing : missing;
      red = within(red + away);
      green = within(green + away);
      blue = within(blue + away);
    }
    inks[index] = pixel(red, green, blue);
  }
  return inks;
}

/**
 * @param {number} red
 * @param {number} green
 * @param {number} blue
 */
export function pixel(red, green, blue) {
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

/**
 * The diameter of a dot: it grows as dots come apart, and never so far that they cover each other.
 *
 * @param {number} spacing  pixels between points where they lie evenly
 * @param {number} ratio    device pixels a CSS pixel
 * @returns {number} device pixels
 */
export function diameter(spacing, ratio) {
  return Math.round(Math.min(WIDEST * ratio, Math.max(NARROWEST * ratio, 0.55 * spacing)));
}

/**
 * Paint all points that are on the screen.
 *
 * @param {Uint32Array} pixels  of a buffer that is larger than the screen by `pad` on each side
 * @param {Size} size           of the screen, device pixels
 * @param {number} pad          at least a dot's diameter, so that those at the edges are cut off and not left out
 * @param {View} view
 * @param {Points} points
 * @param {Uint32Array} inks
 * @param {number} across       the diameter of a dot, device pixels
 */
export function paint(pixels, size, pad, view, points, inks, across) {
  const { width, height } = size;
  const scale = scaleOf(view.zoom, size);
  const stride = width + 2 * pad;
  const { full, edge, cover } = stampOf(across, stride);
  const margin = across / scale;
  const { x: left, y: top } = toMap(view, size, 0, 0);
  const { x: right, y: bottom } = toMap(view, size, width, height);
  if (right < 0 || bottom < 0 || left > SIDE || top > SIDE) return;
  const shiftX = pad + width / 2 - view.x * scale - across / 2;
  const shiftY = pad + height / 2 - view.y * scale - across / 2;
  const lastX = stride - across;
  const lastY = height + 2 * pad - across;
  const { xs, ys } = points;
  points.inside(left - margin, top - margin, right + margin, bottom + margin, (index) => {
    const x = Math.round(xs[index] * scale + shiftX);
    const y = Math.round(ys[index] * scale + shiftY);
    if (x < 0 || y < 0 || x > lastX || y > lastY) return;
    const at = y * stride + x;
    const ink = inks[index];
    for (let place = 0; place < full.length; place++) pixels[at + full[place]] = ink;
    for (let place = 0; place < edge.length; place++) {
      const under = at + edge[place];
      pixels[under] = blended(pixels[under], ink, cover[place]);
    }
  });
}

/**
 * A disc as distances in the buffer: pixels that it covers, and those at its edge, with how much of each it covers.
 *
 * @param {number} across
 * @param {number} stride  pixels a row of the buffer
 */
function stampOf(across, stride) {
  const full = [];
  const edge = [];
  const cover = [];
  const radius = across / 2;
  for (let y = 0; y < across; y++) {
    for (let x = 0; x < across; x++) {
      const share = radius + 0.5 - Math.hypot(x + 0.5 - radius, y + 0.5 - radius);
      if (across <= 2 || share >= 0.95) full.push(y * stride + x);
      else if (share > 0.05) {
        edge.push(y * stride + x);
        cover.push(Math.round(256 * share));
      }
    }
  }
  return { full: Int32Array.from(full), edge: Int32Array.from(edge), cover: Int32Array.from(cover) };
}

/**
 * @param {number} under  a pixel
 * @param {number} over   a pixel
 * @param {number} share  of 256, how much of `over` is seen
 */
function blended(under, over, share) {
  const rest = 256 - share;
  const redBlue = (((under & 0xff00ff) * rest + (over & 0xff00ff) * share) >>> 8) & 0xff00ff;
  const green = (((under & 0xff00) * rest + (over & 0xff00) * share) >>> 8) & 0xff00;
  return (0xff000000 | redBlue | green) >>> 0;
}

/**
 * @param {number} red
 * @param {number} green
 * @param {number} blue
 */
function light(red, green, blue) {
  return 0.3 * red + 0.59 * green + 0.11 * blue;
}

/** @param {number} value */
function within(value) {
  return Math.min(255, Math.max(0, Math.round(value)));
}
