// @ts-check
/** The choice of the wall's density: by its control or a key, kept in the browser for all its tabs. */

import { KEY, denser, readDensity } from "./density.js";
import { isPlain, isTyping } from "./dom.js";

/** @typedef {import("./density.js").Density} Density */

/**
 * @param {HTMLSelectElement} control
 * @param {Storage | null} storage        null where it is forbidden: the choice lives as long as the page
 * @param {(density: Density) => void} apply
 * @param {(words: string) => void} say   for those who cannot see what a key has done
 */
export function offerDensity(control, storage, apply, say) {
  const show = (/** @type {Density} */ density) => {
    control.value = density;
    document.documentElement.dataset.density = density;
    apply(density);
  };
  const choose = (/** @type {Density} */ density) => {
    show(density);
    try {
      storage?.setItem(KEY, density);
    } catch {
      return; // full: the choice lives as long as the page
    }
  };
  control.value = readDensity(document.documentElement.dataset.density);
  control.addEventListener("change", () => choose(readDensity(control.value)));
  addEventListener("keydown", (event) => {
    if (event.key !== "d" || !isPlain(event) || event.defaultPrevented || isTyping(event.target)) return;
    choose(denser(readDensity(control.value)));
    say(`The wall is ${control.value}.`);
  });
  addEventListener("storage", (event) => event.key === KEY && show(readDensity(event.newValue)));
}
