// @ts-check
/** One picture, or two side by side: zoomed and moved together by wheel, fingers, drag and keys. */

import { part } from "../dom.js";
import { Pane } from "./pane.js";
import { WHOLE, panned, pinched, refitted, toggled, wheelFactor, zoomed } from "./zoom.js";

/** @typedef {import("../images.js").DetailedImage} DetailedImage */
/** @typedef {import("./zoom.js").Point} Point */
/** @typedef {import("./zoom.js").Zoom} Zoom */

const STEP = 1.5;
const SWIPE = 56;
const TAP = { time: 320, distance: 28 };
/** A pointer that has moved less has not dragged. */
const STILL = 6;
const MIDDLE = { x: 0, y: 0 };

export class Stage {
  /** @type {(step: 1 | -1) => void} called when a finger has swept the whole picture aside */
  onswipe = () => {};
  /** @type {() => void} called after the zoom has changed */
  onzoom = () => {};
  /** @type {Zoom} */
  zoom = WHOLE;
  /** @type {Map<number, Point>} pointers that are down, from the middle of the first frame */
  #down = new Map();
  /** @type {{point: Point, moved: number} | null} */
  #drag = null;
  /** @type {{point: Point, time: number} | null} */
  #tap = null;

  /**
   * @param {HTMLElement} element
   * @param {readonly number[]} widths  the server's thumbnail widths, ascending
   */
  constructor(element, widths) {
    this.element = element;
    const [first, second] = [...element.querySelectorAll(".pane")].map(
      (pane) => new Pane(/** @type {HTMLElement} */ (pane), widths),
    );
    this.first = first;
    this.second = second;
    element.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    element.addEventListener("pointerdown", (event) => this.#press(event));
    element.addEventListener("pointermove", (event) => this.#move(event));
    element.addEventListener("pointerup", (event) => this.#release(event));
    element.addEventListener("pointercancel", (event) => this.#forget(event));
    new ResizeObserver(() => this.fit()).observe(element);
  }

  get comparing() {
    return this.second.image !== null;
  }

  /** @param {DetailedImage} image */
  show(image) {
    this.compare(null);
    this.#apply(WHOLE);
    this.first.show(image);
  }

  /** @param {DetailedImage | null} image  to lie beside the one that is shown; null for none */
  compare(image) {
    this.second.element.hidden = image === null;
    this.element.classList.toggle("comparing", image !== null);
    if (image) this.second.show(image);
    else this.second.clear();
    this.fit();
  }

  /** The frame may have another size. */
  fit() {
    if (!this.first.image) return;
    const before = this.first.frame;
    this.first.fit();
    if (this.second.image) this.second.fit();
    this.#apply(refitted(this.zoom, before, this.first.frame));
  }

  /** @param {1 | -1} way  in or out, a step */
  step(way) {
    this.#glide(zoomed(this.zoom, way > 0 ? STEP : 1 / STEP, MIDDLE, this.first.frame));
  }

  whole() {
    this.#glide(WHOLE);
  }

  /**
   * Look further that way, a third of the frame.
   *
   * @param {number} x  -1, 0 or 1
   * @param {number} y
   */
  look(x, y) {
    const { width, height } = this.first.frame.size;
    this.#glide(panned(this.zoom, (-x * width) / 3, (-y * height) / 3, this.first.frame));
  }

  clear() {
    this.compare(null);
    this.first.clear();
    this.#down.clear();
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    event.preventDefault();
    this.#apply(zoomed(this.zoom, wheelFactor(event), this.#point(event), this.first.frame));
  }

  /** @param {PointerEvent} event */
  #press(event) {
    if (event.button !== 0 || (event.target instanceof Element && event.target.closest("button, a"))) return;
    if (event.pointerType === "mouse") event.preventDefault(); // no dragging of the picture's ghost
    this.element.setPointerCapture(event.pointerId);
    const point = this.#point(event);
    this.#down.set(event.pointerId, point);
    this.#drag = this.#down.size === 1 ? { point, moved: 0 } : null;
    this.element.classList.toggle("dragging", this.zoom.scale > 1);
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const last = this.#down.get(event.pointerId);
    if (!last) return;
    const point = this.#point(event);
    const before = [...this.#down.values()];
    this.#down.set(event.pointerId, point);
    const after = [...this.#down.values()];
    if (after.length === 2) {
      const both = /** @type {[[Point, Point], [Point, Point]]} */ ([before, after]);
      this.#apply(pinched(this.zoom, ...both, this.first.frame));
    } else if (after.length === 1) {
      if (this.#drag) this.#drag.moved = Math.max(this.#drag.moved, far(point, this.#drag.point));
      this.#apply(panned(this.zoom, point.x - last.x, point.y - last.y, this.first.frame));
    }
  }

  /** @param {PointerEvent} event */
  #release(event) {
    const drag = this.#drag;
    const point = this.#point(event);
    this.#forget(event);
    if (!drag) return;
    if (drag.moved < STILL) return this.#tapped(point, event.timeStamp);
    const x = point.x - drag.point.x;
    const y = point.y - drag.point.y;
    const swept = this.zoom.scale === 1 && Math.abs(x) > SWIPE && Math.abs(x) > 1.5 * Math.abs(y);
    if (swept && event.pointerType !== "mouse") this.onswipe(x < 0 ? 1 : -1);
  }

  /** @param {PointerEvent} event */
  #forget(event) {
    this.#down.delete(event.pointerId);
    this.#drag = null;
    this.element.classList.remove("dragging");
  }

  /**
   * @param {Point} point
   * @param {number} time
   */
  #tapped(point, time) {
    const last = this.#tap;
    this.#tap = { point, time };
    if (!last || time - last.time > TAP.time || far(point, last.point) > TAP.distance) return;
    this.#tap = null;
    this.#glide(toggled(this.zoom, point, this.first.frame));
  }

  /**
   * @param {MouseEvent} event
   * @returns {Point} from the middle of the frame that it is in
   */
  #point(event) {
    const frames = [this.first, this.second].map((pane) => pane.element.getBoundingClientRect());
    const box = frames.find(({ left, right, top, bottom }) => {
      return event.clientX >= left && event.clientX <= right && event.clientY >= top && event.clientY <= bottom;
    });
    const { left, top, width, height } = box ?? frames[0];
    return { x: event.clientX - left - width / 2, y: event.clientY - top - height / 2 };
  }

  /** @param {Zoom} zoom */
  #glide(zoom) {
    this.element.classList.add("gliding");
    part(this.element, ".pane-picture").getBoundingClientRect(); // the style takes hold before it changes
    this.#apply(zoom, true);
  }

  /**
   * @param {Zoom} zoom
   * @param {boolean} [gliding]
   */
  #apply(zoom, gliding = false) {
    if (!gliding) this.element.classList.remove("gliding");
    this.zoom = zoom;
    this.first.apply(zoom);
    if (this.second.image) this.second.apply(zoom);
    this.element.classList.toggle("near", zoom.scale > 1);
    this.onzoom();
  }
}

/**
 * @param {Point} one
 * @param {Point} other
 */
function far(one, other) {
  return Math.hypot(one.x - other.x, one.y - other.y);
}
