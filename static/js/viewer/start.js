// @ts-check
/** Joins the viewer to the gallery: what opens it, from where. */

import { isPlain, part } from "../dom.js";
import { viewedAt } from "./address.js";
import { alongTheWall } from "./sequence.js";
import { Viewer } from "./viewer.js";

/** @typedef {import("../gallery.js").Gallery} Gallery */

/**
 * @param {Gallery} gallery  started
 * @param {{thumbnail_widths: number[], title: string, full_images: boolean}} config
 */
export function startLooking(gallery, config) {
  const { thumbnail_widths: widths, title, full_images: fullImages } = config;
  const viewer = new Viewer(part(document, "#viewer"), alongTheWall(gallery), { widths, title, fullImages });
  viewer.onlike = (id) => {
    const question = viewer.sequence.images().find((image) => image.id === id) ?? null;
    gallery.go({ kind: "similar", id }, { question });
  };
  addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest('a[href^="/image/"]') : null;
    const id = link && viewedAt(/** @type {HTMLAnchorElement} */ (link).href);
    if (!link || !id || event.button !== 0 || !isPlain(event) || event.defaultPrevented) return;
    event.preventDefault();
    viewer.open(id, (link.closest(".tile") ?? link).getBoundingClientRect());
  });
  addEventListener("keydown", (event) => {
    if ((event.key !== "v" && event.key !== " ") || !isPlain(event) || event.defaultPrevented) return;
    const at = document.activeElement;
    const tile = at?.closest(".tile");
    const free = at === document.body || at?.matches("h1");
    // Space scrolls, and presses buttons, where no picture has the focus.
    const id = tile && at?.matches("a") ? Number(/** @type {HTMLElement} */ (tile).dataset.id) : event.key === "v" && free ? gallery.view.question?.id : 0;
    if (!id) return;
    event.preventDefault();
    viewer.open(id, tile?.getBoundingClientRect());
  });
  viewer.follow(gallery.view.question);
  return viewer;
}
