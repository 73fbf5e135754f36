// @ts-check
/** Entries of the browser's history: what each holds of the view that it stands for. */

/**
 * What an entry of the history holds; depth counts entries in the gallery, and the trail leads to it.
 *
 * @typedef {{key: string, depth: number, trail: import("./ask/trail.js").Step[]}} Entry
 */

/** @returns {Entry} the history's current one */
export function entry() {
  const { key, depth, trail } = history.state ?? {};
  return {
    ...history.state,
    key: typeof key === "string" ? key : "",
    depth: typeof depth === "number" ? depth : 0,
    trail: Array.isArray(trail) ? trail : [],
  };
}

/** A name for an entry that nothing else has. */
export function freshKey() {
  return Math.random().toString(36).slice(2);
}
