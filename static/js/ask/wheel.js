// @ts-check
/** The colour wheel: by pointer, by keys, and beside it a field for how light; it tells when a colour is chosen. */

import { at, fromHex, nameOfColor, pointOf, toHex, turned } from "./colors.js";
import { part } from "../dom.js";

const START = { hue: 210, strength: 0.6, light: 0.5 };

export class Wheel {
  /** @type {(hex: string, final: boolean) => void} `final` once the pointer or the key has let go */
  onpick = () => {};
  #color = START;
  #turning = false;

  /**
   * @param {HTMLElement} element    the wheel, with a knob in it
   * @param {HTMLInputElement} light  from 0 to 100
   */
  constructor(element, light) {
    this.element = element;
    this.light = light;
    element.addEventListener("pointerdown", (event) => this.#down(event));
    element.addEventListener("pointermove", (event) => element.hasPointerCapture(event.pointerId) && this.#point(event));
    element.addEventListener("lostpointercapture", () => this.#pick(this.#color, true));
    element.addEventListener("keydown", (event) => this.#key(event));
    element.addEventListener("keyup", () => this.#release());
    element.addEventListener("blur", () => this.#release());
    light.addEventListener("input", () => this.#pick({ ...this.#color, light: Number(light.value) / 100 }, false));
    light.addEventListener("change", () => this.#pick(this.#color, true));
    this.#draw(false);
  }

  /** @param {string} hex  `#rrggbb`, or empty for none */
  show(hex) {
    if (hex && hex !== toHex(this.#color)) this.#color = fromHex(hex);
    this.#draw(hex !== "");
  }

  /** @param {PointerEvent} event */
  #down(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    this.element.focus({ preventScroll: true });
    this.element.setPointerCapture(event.pointerId);
    this.#point(event);
  }

  /** @param {PointerEvent} event */
  #point(event) {
    const { left, top, width, height } = this.element.getBoundingClientRect();
    const x = (2 * (event.clientX - left)) / width - 1;
    const y = (2 * (event.clientY - top)) / height - 1;
    this.#pick(at(x, y, this.#color.light), false);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const color = turned(this.#color, event.key);
    if (!color) return;
    event.preventDefault();
    this.#turning = true;
    this.#pick(color, false);
  }

  #release() {
    if (!this.#turning) return;
    this.#turning = false;
    this.#pick(this.#color, true);
  }

  /**
   * @param {import("./colors.js").Color} color
   * @param {boolean} final
   */
  #pick(color, final) {
    this.#color = color;
    this.#draw(true);
    this.onpick(toHex(color), final);
  }

  /** @param {boolean} chosen */
  #draw(chosen) {
    const color = this.#color;
    const { x, y } = pointOf(color);
    const knob = part(this.element, ".knob");
    knob.style.left = `${50 + 50 * x}%`;
    knob.style.top = `${50 + 50 * y}%`;
    knob.style.backgroundColor = toHex(color);
    this.element.style.setProperty("--light", `${100 * color.light}%`);
    this.element.classList.toggle("unset", !chosen);
    this.element.setAttribute("aria-valuenow", String(Math.round(color.hue)));
    this.element.setAttribute("aria-valuetext", chosen ? `${nameOfColor(color)}, ${toHex(color)}` : "no colour chosen");
    const light = String(Math.round(100 * color.light));
    if (this.light.value !== light) this.light.value = light;
  }
}
