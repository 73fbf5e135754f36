// @ts-check
/** Which stage holds up the others, as their queues tell. */

/**
 * @typedef {object} Stage
 * @property {number} queued  items that wait for it
 * @property {number} active  items in work
 * @property {number} rate    items a second
 * @property {number} full    share of the room in front of it that is taken, 0 to 1
 */

/** In the order in which pictures pass them; documents are expanded beside. */
export const STAGES = /** @type {const} */ (["expand", "fetch", "decode", "embed", "thumbnails", "commit", "index"]);

const FULL = 0.75;
const HOLDS_UP = {
  commit: "Writing sets the pace: pictures wait to be committed.",
  embed: "Embedding sets the pace: decoded pictures wait for the network.",
  decode: "Decoding sets the pace: fetched pictures wait for it.",
};

/**
 * The last full queue tells: what lies behind it keeps up, what lies before it waits.
 *
 * @param {Record<string, Stage>} stages
 * @returns {{stage: string, words: string}} the stage is empty when none of ours holds anything up
 */
export function bottleneck(stages) {
  for (const stage of /** @type {const} */ (["commit", "embed", "decode"])) {
    if (stages[stage]?.full >= FULL) return { stage, words: HOLDS_UP[stage] };
  }
  const busy = Object.values(stages).some((stage) => stage.queued > 0 || stage.active > 0);
  if (!busy) return { stage: "", words: "Nothing is under way." };
  const asked = stages.fetch && (stages.fetch.queued > 0 || stages.fetch.active > 0);
  if (asked) return { stage: "fetch", words: "The hosts set the pace: whatever comes in is handled at once." };
  return { stage: "", words: "Documents are read; no picture waits." };
}
