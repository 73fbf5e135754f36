// @ts-check
/** Boards as files: out to the visitor's disk, and in from it. */

import { counted } from "../../format.js";
import { tellOf } from "../keep.js";
import { FILE_BYTES, NoBoard, boardOf, fileOf, merged, readFile, withBoard, withoutBoard } from "../model.js";
import { say } from "../said.js";
import { lookUp } from "./catalog.js";

/** @typedef {import("../model.js").Board} Board */
/** @typedef {import("../store.js").Boards} Boards */

/**
 * @param {readonly Board[]} boards
 * @param {string} name  of the file, without its ending
 */
export function download(boards, name) {
  const file = new Blob([fileOf(boards, location.origin, new Date())], { type: "application/json" });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = `${name.replace(/[^\p{L}\p{N} _-]+/gu, " ").trim() || "boards"}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/**
 * Boards of a file are joined with those that are there; pictures that are not in the collection stay out.
 *
 * @param {Boards} boards
 * @param {File} file
 */
export async function bringIn(boards, file) {
  try {
    if (file.size > FILE_BYTES) throw new NoBoard("This file is too large to hold boards.");
    const read = readFile(await file.text());
    const ids = [...new Set(read.flatMap(({ images }) => images.map((image) => image.id)))];
    const there = await lookUp(ids);
    const gone = ids.length - there.size;
    const alive = read.map((board) => ({ ...board, images: board.images.filter((image) => there.has(image.id)) }));
    const before = boards.all;
    boards.change((all) => merged(all, alive.filter(({ images }) => images.length > 0)));
    const missing = gone ? ` ${counted(gone, "picture")} of it ${gone === 1 ? "is" : "are"} not in this collection.` : "";
    const came = there.size ? `${counted(there.size, "picture")} on ${counted(read.length, "board")} came in.` : "Nothing came in.";
    tellOf(boards, came + missing, (all) => restored(all, before, read));
  } catch (error) {
    say(error instanceof NoBoard ? error.message : "The file could not be read, or the server could not be asked. Nothing has changed.");
  }
}

/**
 * @param {readonly Board[]} all
 * @param {readonly Board[]} before
 * @param {readonly Board[]} touched
 */
function restored(all, before, touched) {
  let boards = [...all];
  for (const { id } of touched) {
    const was = boardOf(before, id);
    boards = was ? withBoard(boards, was, boards.findIndex((board) => board.id === id)) : withoutBoard(boards, id);
  }
  return boards;
}
