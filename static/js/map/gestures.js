// @ts-check
/** What a visitor does on the map with wheel, mouse, fingers and keys, told as moves. Knows nothing of what is drawn. */

import { isPlain } from "../dom.js";

/**
 * @typedef {object} Moves
 * @property {(dx: number, dy: number) => void} pan                        pixels
 * @property {(steps: number, x: number, y: number) => void} zoom          doublings, around a place
 * @property {(dx: number, dy: number) => void} step                       by key: shares of the screen
 * @property {(steps: number) => void} stepZoom                            by key, around the middle
 * @property {() => void} whole
 * @property {(x: number, y: number, event: PointerEvent) => void} press   a click or tap that moved nothing
 * @property {(x: number, y: number) => void} hover                        the mouse rests on or moves over it
 * @property {() => void} leave
 * @property {() => void} open                                             Enter
 */

const SLACK = 5; // pixels that a click may move
const WHEEL = 1 / 300; // doublings a pixel
const PINCH = 1 / 100; // of a trackpad, whose steps are small
const WHEEL_MOST = 1;
const LINE = 16;
const STEP = 0.18;

/**
 * @param {HTMLElement} element
 * @param {Moves} moves
 */
export function listen(element, moves) {
  /** @type {Map<number, {x: number, y: number}>} fingers and buttons that are down */
  const down = new Map();
  let moved = 0;

  const place = (/** @type {MouseEvent} */ event) => {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };

  element.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const { x, y } = place(event);
      const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE : 1);
      const steps = -pixels * (event.ctrlKey ? PINCH : WHEEL);
      moves.zoom(Math.min(WHEEL_MOST, Math.max(-WHEEL_MOST, steps)), x, y);
    },
    { passive: false },
  );

  element.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "mouse" && event.button > 1) return;
    if (event.button === 1) event.preventDefault(); // no scrolling by the wheel's button
    element.setPointerCapture(event.pointerId);
    if (down.size === 0) moved = 0;
    else moved = Infinity; // two fingers are no click
    down.set(event.pointerId, place(event));
  });

  element.addEventListener("pointermove", (event) => {
    const now = place(event);
    const before = down.get(event.pointerId);
    if (!before) {
      if (event.pointerType !== "touch") moves.hover(now.x, now.y);
      return;
    }
    const other = [...down].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      const farBefore = Math.hypot(before.x - other.x, before.y - other.y);
      const far = Math.hypot(now.x - other.x, now.y - other.y);
      moves.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
      if (farBefore > 0 && far > 0) moves.zoom(Math.log2(far / farBefore), (now.x + other.x) / 2, (now.y + other.y) / 2);
    } else {
      moved += Math.hypot(now.x - before.x, now.y - before.y);
      if (moved > SLACK) {
        element.classList.add("dragged");
        moves.pan(now.x - before.x, now.y - before.y);
      }
    }
    down.set(event.pointerId, now);
  });

  const up = (/** @type {PointerEvent} */ event) => {
    if (!down.delete(event.pointerId) || down.size > 0) return;
    element.classList.remove("dragged");
    if (event.type === "pointerup" && moved <= SLACK) {
      const { x, y } = place(event);
      moves.press(x, y, event);
    }
  };
  element.addEventListener("pointerup", up);
  element.addEventListener("pointercancel", up);
  // A finger leaves with each touch; what it has shown stays.
  element.addEventListener("pointerleave", (event) => event.pointerType !== "touch" && moves.leave());

  element.addEventListener("keydown", (event) => {
    if (!isPlain(event) && event.key !== "+") return;
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });

  /** @type {Record<string, () => void>} */
  const keys = {
    ArrowLeft: () => moves.step(-STEP, 0),
    ArrowRight: () => moves.step(STEP, 0),
    ArrowUp: () => moves.step(0, -STEP),
    ArrowDown: () => moves.step(0, STEP),
    "+": () => moves.stepZoom(1),
    "=": () => moves.stepZoom(1),
    "-": () => moves.stepZoom(-1),
    0: () => moves.whole(),
    Home: () => moves.whole(),
    Enter: () => moves.open(),
  };
}
