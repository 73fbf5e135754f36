// @ts-check
/** Hearts and board lists: what is kept where, changed with a word about it and a way back. */

import { isolated, nameOf } from "../images.js";
import { FAVOURITES, IMAGES_MOST, boardOf, brief, freshId, holds, nameFrom, withBoard, withImages, withoutBoard, withoutImages } from "./model.js";
import { say } from "./said.js";

/** @typedef {import("../images.js").DetailedImage} DetailedImage */
/** @typedef {import("./model.js").Board} Board */
/** @typedef {import("./store.js").Boards} Boards */

/** A board with room for so many pictures, or fewer, is nearly full. */
const NEARLY_FULL = 50;

/** What the visitor has to know once. @type {Record<Boards["state"], string>} */
const LOST = {
  kept: "",
  forbidden: " This browser lets the page keep nothing: it is gone when the page is closed.",
  full: " There is no room left in this browser: it is gone when the page is closed. Export your boards, or remove some.",
};

/**
 * On a board what was not on it; off it what was.
 *
 * @param {Boards} boards
 * @param {string} id       of the board
 * @param {DetailedImage} image
 */
export function toggle(boards, id, image) {
  const board = boardOf(boards.all, id);
  if (!board) return;
  if (holds(boards.all, id, image.id)) return takeOff(boards, id, image.id);
  if (board.images.length >= IMAGES_MOST) return say(`${isolated(board.name)} is full: a board holds ${IMAGES_MOST} pictures.`);
  boards.change((all) => withImages(all, id, [brief(image)]));
  const where = id === FAVOURITES ? "Kept among your favourites." : `Kept on ${isolated(board.name)}.`;
  tellOf(boards, where + roomFor(IMAGES_MOST - board.images.length - 1), (all) => withoutImages(all, id, [image.id]));
}

/** @param {number} more  pictures that a board still holds  @returns {string} empty while there is plenty of room */
function roomFor(more) {
  if (more > NEARLY_FULL) return "";
  return more > 0 ? ` There is room for ${more} more.` : ` It is full now: a board holds ${IMAGES_MOST} pictures.`;
}

/**
 * @param {Boards} boards
 * @param {string} id
 * @param {number} image
 */
export function takeOff(boards, id, image) {
  const board = boardOf(boards.all, id);
  const place = board?.images.findIndex((kept) => kept.id === image) ?? -1;
  if (!board || place < 0) return;
  const kept = board.images[place];
  boards.change((all) => withoutImages(all, id, [image]));
  tellOf(boards, `Taken off ${isolated(board.name)}.`, (all) => withImages(all, id, [kept], place));
}

/**
 * @param {Boards} boards
 * @param {string} name
 * @param {readonly import("./model.js").Kept[]} [images]
 * @returns {string} the new board's id
 */
export function addBoard(boards, name, images = []) {
  const board = { id: freshId(), name: nameFrom(name), images: images.slice(0, IMAGES_MOST) };
  boards.change((all) => withBoard(all, board));
  if (!boardOf(boards.all, board.id)) say("There are as many boards as there may be. Remove one first.");
  else tellOf(boards, `${isolated(board.name)} is a new board.`, (all) => withoutBoard(all, board.id));
  return board.id;
}

/**
 * Say what has been done, how it is undone, and whether it lasts.
 *
 * @param {Boards} boards
 * @param {string} words
 * @param {(all: readonly Board[]) => Board[]} back
 */
export function tellOf(boards, words, back) {
  say(words + LOST[boards.state], () => {
    boards.change(back);
    say("Undone.");
  });
}

/**
 * @param {HTMLElement} button
 * @param {boolean} kept
 * @param {DetailedImage | import("./model.js").Kept} image
 */
export function showHeart(button, kept, image) {
  button.setAttribute("aria-pressed", String(kept));
  const label = kept ? "Among your favourites (F)" : "Keep among your favourites (F)";
  button.title = label;
  button.setAttribute("aria-label", `${kept ? "Among your favourites" : "Keep among your favourites"}: ${nameOf(/** @type {any} */ (image))}`);
}
