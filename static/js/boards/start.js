// @ts-check
/** Joins favourites and boards to the gallery and its viewer. */

import { part } from "../dom.js";
import { showHelp } from "../help.js";
import { Choice } from "./choice.js";
import { Hearts, watchHeart } from "./hearts.js";
import { toggle } from "./keep.js";
import { FAVOURITES } from "./model.js";
import { undo } from "./said.js";
import { Boards, sharedStorage } from "./store.js";

/** @typedef {import("../gallery.js").Gallery} Gallery */
/** @typedef {import("../viewer/viewer.js").Viewer} Viewer */

/**
 * @param {Gallery} gallery
 * @param {Viewer} viewer
 */
export function startKeeping(gallery, viewer) {
  const boards = new Boards(sharedStorage());
  const imageOf = (/** @type {number} */ id) => gallery.view.grid.pictures.recall(id);
  const hearts = new Hearts(gallery.wall.element, part(document, "#keeps"), imageOf, boards);
  gallery.wall.listeners.add((tile, id) => hearts.markTile(tile, id));
  hearts.onlook = (id, tile) => viewer.open(id, tile.getBoundingClientRect());
  const question = part(document, "#question .heart");
  const showQuestion = watchHeart(question, boards, () => gallery.view.question);
  showQuestion();
  // Another picture is the question when the link to it is another.
  new MutationObserver(showQuestion).observe(part(document, "#question .look"), { attributeFilter: ["href"] });
  keepFromViewer(viewer, boards);
}

/**
 * @param {Viewer} viewer
 * @param {Boards} boards
 */
export function keepFromViewer(viewer, boards) {
  const choice = new Choice(part(viewer.element, ".keeping"), boards);
  viewer.onshow = (image) => choice.show(image);
  viewer.onkey = (event, image) => {
    if (event.key === "f") toggle(boards, FAVOURITES, image);
    else if (event.key === "?") showHelp();
    else return;
    event.preventDefault();
  };
  for (const target of [window, viewer.element]) target.addEventListener("keydown", onUndo);
}

/** @param {Event} event */
function onUndo(event) {
  const { key, ctrlKey, metaKey, shiftKey, target } = /** @type {KeyboardEvent} */ (event);
  if (key !== "z" || shiftKey || !(ctrlKey || metaKey) || event.defaultPrevented) return;
  if (target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement) return;
  if (undo()) event.preventDefault();
}
