// @ts-check
/** What went wrong, as a sentence for a person; and how long to wait before something is said to be wrong. */

import { ApiError } from "../api.js";

/** Milliseconds for what grows with the collection: a snapshot, and the removal of all that a block matches. */
export const PATIENT = 600_000;

/** @param {unknown} error */
export function trouble(error) {
  const words = error instanceof ApiError ? error.message : "the server cannot be reached, please try again";
  return words.charAt(0).toUpperCase() + words.slice(1);
}
