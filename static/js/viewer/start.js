// @ts-check
/** Joins the viewer, the boards and the help sheet to the gallery: what opens them, from where. */

import { startKeeping } from "../boards/start.js";
import { isPlain, part } from "../dom.js";
import { offerHelp } from "../help.js";
import { openByLinks } from "./links.js";
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
    gallery.go({ kind: "similar", id }, { question: viewer.sequence.recall(id) });
  };
  openByLinks(viewer, ".tile");
  addEventListener("keydown", (event) => {
    if ((event.key !== "v" && event.key !== " ") || !isPlain(event) || event.defaultPrevented) return;
    const at = document.activeElement;
    const tile = at?.closest(".tile");
    const free = at === document.body || at?.matches("h1");
    // Space scrolls, and presses buttons, where no picture has the focus.
    const here = tile && (event.key === "v" || at?.matches("a")) ? Number(/** @type {HTMLElement} */ (tile).dataset.id) : 0;
    const id = here || (event.key === "v" && free && gallery.view.question?.id);
    if (!id) return;
    event.preventDefault();
    viewer.open(id, tile?.getBoundingClientRect());
  });
  startKeeping(gallery, viewer);
  offerHelp();
  viewer.follow(gallery.view.question);
  return viewer;
}
