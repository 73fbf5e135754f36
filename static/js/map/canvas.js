// @ts-check
/** Draws the map: dots, and pictures in their place where one is near. Draws only when something has changed. */

import { BOX, levelOf, levelShown, levelsOf, shown } from "./detail.js";
import { diameter, inks, paint, pixel } from "./dots.js";
import { NO_POINTS } from "./points.js";
import { SIDE, WHOLE, scaleOf, toMap, toScreen } from "./view.js";

/** @typedef {import("./detail.js").Shown} Shown */
/** @typedef {import("./points.js").Points} Points */
/** @typedef {import("./thumbs.js").Thumbs} Thumbs */
/** @typedef {import("./view.js").Size} Size */
/** @typedef {import("./view.js").View} View */

const PIXELS_MOST = 6_000_000;
const FADE = 220;
const RING = 3;
const WAITING = 0.7; // of the box
const WAITING_OPACITY = 0.5;
const BESIDE = 5; // the diameter of dots among pictures, CSS pixels

export class Canvas {
  /** @type {View} */
  view = WHOLE;
  points = NO_POINTS;
  /** @type {number} the place of the point that is looked at, -1 for none */
  marked = -1;
  /** @type {Shown[]} what is drawn as pictures, with its square's side in CSS pixels */
  pictures = [];
  square = 0;
  /** @type {Size} CSS pixels */
  size = { width: 0, height: 0 };
  #ratio = 1;
  #levels = levelsOf(NO_POINTS);
  /** @type {Uint32Array} */
  #inks = new Uint32Array();
  /** @type {[number, number, number]} */
  #paper = [255, 255, 255];
  #accent = "";
  #frame = 0;
  #opacity = 0;
  /** @type {ImageData | null} */
  #buffer = null;
  #pad = 0;

  /**
   * @param {HTMLCanvasElement} element
   * @param {Thumbs} thumbs
   * @param {() => boolean} still  whether motion is unwanted
   */
  constructor(element, thumbs, still) {
    this.element = element;
    this.thumbs = thumbs;
    this.still = still;
    this.context = /** @type {CanvasRenderingContext2D} */ (element.getContext("2d", { alpha: false }));
    thumbs.onload = () => this.change();
  }

  /** @param {Points} points */
  show(points) {
    this.points = points;
    this.#levels = levelsOf(points);
    this.#inks = inks(points, this.#paper);
    this.change();
  }

  /** Take size and colours from the page as they are now. */
  measure() {
    const { clientWidth: width, clientHeight: height } = this.element;
    this.size = { width, height };
    this.#ratio = Math.min(devicePixelRatio || 1, Math.sqrt(PIXELS_MOST / Math.max(1, width * height)));
    this.element.width = Math.max(1, Math.round(width * this.#ratio));
    this.element.height = Math.max(1, Math.round(height * this.#ratio));
    this.#buffer = null;
    const style = getComputedStyle(this.element);
    this.#paper = channels(style.backgroundColor);
    this.#accent = style.color;
    this.#inks = inks(this.points, this.#paper);
    this.change();
  }

  /** Draw with the next frame. */
  change() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.draw();
    });
  }

  draw() {
    const { size, view, points, context } = this;
    const ratio = this.#ratio;
    const real = { width: this.element.width, height: this.element.height };
    const opacity = this.#arrange(size);
    this.#opacity = opacity;
    const alone = diameter(points.spacing * scaleOf(view.zoom, real), ratio);
    const across = Math.round(alone - opacity * Math.max(0, alone - BESIDE * ratio));
    const buffer = this.#cleared(real);
    paint(new Uint32Array(buffer.data.buffer), real, this.#pad, view, points, this.#inks, across);
    context.putImageData(buffer, -this.#pad, -this.#pad);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    if (opacity > 0) this.#drawPictures(opacity);
    if (this.marked >= 0 && this.marked < points.count) this.#drawMark(across / ratio);
    context.setTransform(1, 0, 0, 1, 0, 0);
  }

  /**
   * Decide what is shown as pictures.
   *
   * @param {Size} size
   * @returns {number} how opaque they are
   */
  #arrange(size) {
    const { view, points } = this;
    const scale = scaleOf(view.zoom, size);
    const least = leastSquare(size);
    const nearer = levelOf(scale, least) - this.#levels.near;
    const opacity = points.count === 0 ? 0 : Math.min(1, Math.max(0, 8 * nearer + 1));
    if (opacity === 0) {
      if (this.pictures.length) this.thumbs.want([]);
      this.pictures = [];
      return 0;
    }
    const { x: left, y: top } = toMap(view, size, 0, 0);
    const { x: right, y: bottom } = toMap(view, size, size.width, size.height);
    const level = levelShown(this.#levels, scale, least);
    this.square = (SIDE / 2 ** level) * scale;
    this.pictures = shown(points, level, { left, top, right, bottom });
    const far = (/** @type {Shown} */ one) => (one.x - view.x) ** 2 + (one.y - view.y) ** 2;
    this.pictures.sort((one, other) => far(one) - far(other));
    this.thumbs.want(this.pictures.map(({ index }) => points.ids[index]));
    return opacity;
  }

  /** @param {number} opacity */
  #drawPictures(opacity) {
    const { context, points } = this;
    const now = performance.now();
    let fading = false;
    for (const one of this.pictures) {
      const thumb = this.thumbs.get(points.ids[one.index]);
      if (!thumb) {
        this.#drawWaiting(one, opacity);
        continue;
      }
      const age = this.still() ? 1 : Math.min(1, (now - thumb.since) / FADE);
      fading ||= age < 1;
      const { left, top, width, height } = this.boxOf(one);
      context.globalAlpha = opacity * age;
      context.drawImage(thumb.bitmap, left, top, width, height);
    }
    context.globalAlpha = 1;
    if (fading) this.change();
  }

  /**
   * The colour of a picture that is still to come, in its place.
   *
   * @param {Shown} one
   * @param {number} opacity
   */
  #drawWaiting(one, opacity) {
    const { context, points } = this;
    const { left, top, width } = this.boxOf(one);
    const inset = ((1 - WAITING) / 2) * width;
    const [red, green, blue] = points.colors.subarray(3 * one.index, 3 * one.index + 3);
    context.globalAlpha = WAITING_OPACITY * opacity;
    context.fillStyle = `rgb(${red} ${green} ${blue})`;
    context.fillRect(left + inset, top + inset, WAITING * width, WAITING * width);
  }

  /** @param {number} across  a dot's diameter, CSS pixels */
  #drawMark(across) {
    const { context, points, marked, view, size } = this;
    const picture = this.pictures.find(({ index }) => index === marked);
    context.strokeStyle = this.#accent;
    context.lineWidth = RING;
    context.beginPath();
    if (picture && this.thumbs.get(points.ids[marked])) {
      const { left, top, width, height } = this.boxOf(picture);
      context.rect(left - RING / 2, top - RING / 2, width + RING, height + RING);
    } else {
      const { x, y } = toScreen(view, size, points.xs[marked], points.ys[marked]);
      context.arc(x, y, across / 2 + RING + 1, 0, 2 * Math.PI);
    }
    context.stroke();
  }

  /**
   * Where a picture is drawn, in its own shape inside its square.
   *
   * @param {Shown} one
   * @returns {{left: number, top: number, width: number, height: number}} CSS pixels
   */
  boxOf(one) {
    const { x, y } = toScreen(this.view, this.size, one.x, one.y);
    const bitmap = this.thumbs.get(this.points.ids[one.index])?.bitmap;
    const longest = BOX * this.square;
    const share = bitmap ? longest / Math.max(bitmap.width, bitmap.height) : 0;
    const width = bitmap ? bitmap.width * share : longest;
    const height = bitmap ? bitmap.height * share : longest;
    return { left: x - width / 2, top: y - height / 2, width, height };
  }

  /**
   * What lies at a place on the screen.
   *
   * @param {number} x       CSS pixels
   * @param {number} y
   * @param {number} within  how far off a dot may be
   * @returns {number} its place among the points, -1 for nothing
   */
  at(x, y, within) {
    for (const one of this.pictures) {
      if (!this.thumbs.get(this.points.ids[one.index])) continue;
      const { left, top, width, height } = this.boxOf(one);
      if (x >= left && x <= left + width && y >= top && y <= top + height) return one.index;
    }
    const place = toMap(this.view, this.size, x, y);
    return this.points.nearest(place.x, place.y, within / scaleOf(this.view.zoom, this.size));
  }

  /**
   * Whether a point is seen as a picture now.
   *
   * @param {number} index
   */
  isPicture(index) {
    const shown = this.#opacity > 0.5 && this.pictures.some((one) => one.index === index);
    return shown && this.thumbs.get(this.points.ids[index]) !== undefined;
  }

  /** @param {Size} real  device pixels */
  #cleared({ width, height }) {
    this.#pad = Math.ceil(12 * this.#ratio);
    this.#buffer ??= new ImageData(width + 2 * this.#pad, height + 2 * this.#pad);
    new Uint32Array(this.#buffer.data.buffer).fill(pixel(...this.#paper));
    return this.#buffer;
  }
}

/**
 * The least side of a picture's square: some hundreds of them fill a screen of any size.
 *
 * @param {Size} size
 * @returns {number} CSS pixels
 */
export function leastSquare({ width, height }) {
  return Math.min(88, Math.max(46, Math.sqrt(width * height) / 22));
}

/**
 * @param {string} color  as getComputedStyle gives it
 * @returns {[number, number, number]}
 */
function channels(color) {
  const [red = 255, green = 255, blue = 255] = (color.match(/\d+(\.\d+)?/g) ?? []).map(Number);
  return [red, green, blue];
}
