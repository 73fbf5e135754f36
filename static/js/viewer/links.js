// @ts-check
/** Links to single pictures open the viewer over the page. */

import { isPlain } from "../dom.js";
import { viewedAt } from "./address.js";

/**
 * @param {import("./viewer.js").Viewer} viewer
 * @param {string} frames  a selector of what surrounds a picture; the viewer's picture comes from there
 */
export function openByLinks(viewer, frames) {
  // Before the wall takes a click anywhere on a picture for its own.
  const open = (/** @type {MouseEvent} */ event) => {
    const link = event.target instanceof Element ? event.target.closest('a[href^="/image/"]') : null;
    const id = link && viewedAt(/** @type {HTMLAnchorElement} */ (link).href);
    if (!link || !id || event.button !== 0 || !isPlain(event) || event.defaultPrevented) return;
    event.preventDefault();
    event.stopPropagation();
    viewer.open(id, (link.closest(frames) ?? link).getBoundingClientRect());
  };
  addEventListener("click", open, { capture: true });
}
