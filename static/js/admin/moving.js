// @ts-check
/** The collection on its way to another model: which, how far it is, and when it will be there. */

import { part, tell } from "../dom.js";
import { count, counted, duration, percent, rate } from "../format.js";

/** What is done while no pictures are counted. @type {Record<string, string>} */
const DOING = {
  starting: "the model is being loaded",
  indexing: "its index is being filled",
  exchanging: "it takes the place of the one before",
};

/**
 * @param {ParentNode} page
 * @param {any} moving  `reembedding` of the server's stats; may be missing
 */
export function showMoving(page, moving) {
  const state = String(moving?.state ?? "idle");
  const row = part(page, "#moving");
  row.hidden = !(state === "embedding" || state === "failed" || state in DOING);
  if (row.hidden) return;
  const share = moving.images > 0 ? Math.min(1, moving.embedded / moving.images) : 0;
  const done = state === "indexing" || state === "exchanging" ? 1 : share;
  tell(row, '[data-moving="model"]', String(moving.model));
  tell(row, '[data-moving="how"]', state === "failed" ? `stopped: ${moving.error}` : (DOING[state] ?? howFar(moving, share)));
  part(row, ".moving-done").style.width = `${100 * done}%`;
  row.classList.toggle("stopped", state === "failed");
}

/**
 * @param {any} moving
 * @param {number} share
 */
function howFar({ images, embedded, rate: pace, seconds_left: left }, share) {
  const time = typeof left === "number" ? `${duration(left)} left` : "";
  return [`${count(embedded)} of ${counted(images, "picture")}, ${percent(share)}`, rate(pace), time].filter(Boolean).join(" · ");
}
