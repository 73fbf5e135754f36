// @ts-check
/**
 * Boards: named lists of pictures, kept by the visitor. What can be done to them, what a file or a link of them holds.
 *
 * Pure: boards are never changed, but others made of them. What comes from storage, files and links is checked.
 */

import { plain, readImage } from "../images.js";

/** @typedef {import("../images.js").DetailedImage} DetailedImage */
/** @typedef {{id: number, width: number, height: number, color: string, title: string, creator: string}} Kept */
/** @typedef {{id: string, name: string, images: readonly Kept[]}} Board */

/** The board that the hearts fill. It is always there, and first. */
export const FAVOURITES = "favourites";
export const BOARDS_MOST = 100;
export const IMAGES_MOST = 1000;
export const NAME_LENGTH = 80;
export const FILE_BYTES = 5_000_000;

const WORDS_LENGTH = 120;
// Longer ones are cut by programs that pass them on, and refused by the server.
const LINK_LENGTH = 4_000;
const FORMAT = 1;

/** A file or link that is no board, in words for the visitor. */
export class NoBoard extends Error {}

/**
 * What a board remembers of a picture, so that it can be shown at once.
 *
 * @param {DetailedImage} image
 * @returns {Kept}
 */
export function brief({ id, width, height, color, title, creator }) {
  return { id, width, height, color, title: title.slice(0, WORDS_LENGTH), creator: creator.slice(0, WORDS_LENGTH) };
}

/**
 * @param {string} text
 * @returns {string} on one line, of bounded length, never empty
 */
export function nameFrom(text) {
  return plain(text).slice(0, NAME_LENGTH).trim() || "Untitled board";
}

/**
 * @param {unknown} value  from storage or a file
 * @returns {Board[]} those in it, the favourites first; what is none is left out
 */
export function readBoards(value) {
  /** @type {Map<string, Board>} */
  const boards = new Map([[FAVOURITES, { id: FAVOURITES, name: "Favourites", images: [] }]]);
  for (const raw of Array.isArray(value) ? value : []) {
    const board = readBoard(raw);
    if (board && boards.size < BOARDS_MOST) boards.set(board.id, board);
  }
  return [...boards.values()];
}

/**
 * @param {any} raw
 * @returns {Board | null}
 */
function readBoard(raw) {
  if (typeof raw?.id !== "string" || !/^[a-z0-9]{1,20}$/.test(raw.id) || !Array.isArray(raw.images)) return null;
  const name = raw.id === FAVOURITES ? "Favourites" : nameFrom(raw.name);
  return { id: raw.id, name, images: unique(raw.images.slice(0, IMAGES_MOST).map(readKept).filter((/** @type {Kept | null} */ kept) => kept)) };
}

/** @param {unknown} raw */
function readKept(raw) {
  const image = readImage(raw);
  return image && image.id > 0 ? brief(image) : null;
}

/** @param {readonly Kept[]} images */
function unique(images) {
  return [...new Map(images.map((image) => [image.id, image])).values()];
}

/**
 * @param {readonly Board[]} boards
 * @param {string} id
 */
export function boardOf(boards, id) {
  return boards.find((board) => board.id === id);
}

/**
 * @param {readonly Board[]} boards
 * @param {string} id
 * @param {number} image
 */
export function holds(boards, id, image) {
  return boardOf(boards, id)?.images.some((kept) => kept.id === image) ?? false;
}

/**
 * @param {readonly Board[]} boards
 * @param {string} id
 * @param {readonly Kept[]} images  those that are there already stay where they are
 * @param {number} [at]             where they go; the end without it
 */
export function withImages(boards, id, images, at) {
  return changed(boards, id, (board) => {
    const there = new Set(board.images.map((image) => image.id));
    const added = unique(images).filter((image) => !there.has(image.id));
    const all = [...board.images];
    all.splice(at ?? all.length, 0, ...added);
    return { ...board, images: all.slice(0, IMAGES_MOST) };
  });
}

/**
 * @param {readonly Board[]} boards
 * @param {string} id
 * @param {readonly number[]} images
 */
export function withoutImages(boards, id, images) {
  const gone = new Set(images);
  return changed(boards, id, (board) => ({ ...board, images: board.images.filter((image) => !gone.has(image.id)) }));
}

/**
 * @param {readonly Board[]} boards
 * @param {string} id
 * @param {number} image
 * @param {number} place  where it is to be
 */
export function moved(boards, id, image, place) {
  return changed(boards, id, (board) => {
    const kept = board.images.find((other) => other.id === image);
    if (!kept) return board;
    const images = board.images.filter((other) => other !== kept);
    images.splice(Math.max(0, place), 0, kept);
    return { ...board, images };
  });
}

/**
 * @param {readonly Board[]} boards
 * @param {string} id
 * @param {string} name
 */
export function renamed(boards, id, name) {
  return id === FAVOURITES ? [...boards] : changed(boards, id, (board) => ({ ...board, name: nameFrom(name) }));
}

/**
 * @param {readonly Board[]} boards
 * @param {Board} board  takes the place of one with its id
 * @param {number} [at]
 */
export function withBoard(boards, board, at) {
  const others = boards.filter((other) => other.id !== board.id);
  if (others.length >= BOARDS_MOST) return [...boards];
  others.splice(at ?? others.length, 0, board);
  return others;
}

/**
 * @param {readonly Board[]} boards
 * @param {string} id
 */
export function withoutBoard(boards, id) {
  return boards.filter((board) => board.id !== id || id === FAVOURITES);
}

/**
 * Boards of a file beside those that are there: what both have is joined, nothing is lost.
 *
 * @param {readonly Board[]} boards
 * @param {readonly Board[]} others
 */
export function merged(boards, others) {
  let all = [...boards];
  for (const other of others) {
    const known = boardOf(all, other.id);
    all = known ? withImages(all, other.id, other.images) : withBoard(all, other);
  }
  return all;
}

/**
 * @param {readonly Board[]} boards
 * @param {string} id
 * @param {(board: Board) => Board} change
 */
function changed(boards, id, change) {
  return boards.map((board) => (board.id === id ? change(board) : board));
}

/** An id that no other board has. */
export function freshId() {
  return Math.random().toString(36).slice(2, 14).padEnd(6, "0");
}

/**
 * @param {readonly Board[]} boards
 * @param {string} gallery  its address
 * @param {Date} now
 * @returns {string} the file
 */
export function fileOf(boards, gallery, now) {
  const file = { artalike_boards: FORMAT, gallery, exported_at: now.toISOString(), boards: boards.filter(({ images }) => images.length > 0) };
  return JSON.stringify(file, null, 1);
}

/**
 * @param {string} text  of a file, which anybody may have written
 * @returns {Board[]} with pictures in them
 * @throws {NoBoard} when it is none of boards
 */
export function readFile(text) {
  if (text.length > FILE_BYTES) throw new NoBoard("This file is too large to hold boards.");
  let file;
  try {
    file = JSON.parse(text);
  } catch {
    throw new NoBoard("This file is not one of boards: it is no JSON.");
  }
  if (file?.artalike_boards !== FORMAT) throw new NoBoard("This file is not one of boards.");
  const boards = readBoards(file.boards).filter(({ images }) => images.length > 0);
  if (boards.length === 0) throw new NoBoard("There are no pictures in this file.");
  return boards;
}

/**
 * The address under which anybody can see a board.
 *
 * @param {Board} board
 * @returns {string | null} null when it holds more than fits into an address
 */
export function linkOf({ name, images }) {
  const link = `/board?name=${encodeURIComponent(name)}&ids=${images.map((image) => image.id).join(",")}`;
  return link.length <= LINK_LENGTH ? link : null;
}

/**
 * Some that stand for all, from everywhere in the list.
 *
 * @template T
 * @param {readonly T[]} items
 * @param {number} most
 * @returns {T[]}
 */
export function spread(items, most) {
  if (items.length <= most) return [...items];
  return Array.from({ length: most }, (_, i) => items[Math.floor((i * items.length) / most)]);
}
