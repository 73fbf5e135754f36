// @ts-check
/** Where each byte is slow or paid for, nothing is fetched that nobody has asked for yet. */

/**
 * What is known of the line, as https://wicg.github.io/netinfo/ names it.
 *
 * @typedef {object} Line
 * @property {boolean} [saveData]      the visitor asks to be sparing
 * @property {boolean} [reducedData]   the same, asked of all pages by `prefers-reduced-data`
 * @property {string} [effectiveType]  as fast as what
 * @property {string} [type]           what it goes through, where the browser tells
 */

const SLOW = ["slow-2g", "2g", "3g"];
const reducedData = globalThis.matchMedia?.("(prefers-reduced-data: reduce)");

/** @param {Line} line  whether the visitor wants no more than what cannot be done without */
export function isSparing({ saveData = false, reducedData = false }) {
  return saveData || reducedData;
}

/** @param {Line} line  whether what may be wanted soon is fetched now */
export function readsAhead(line) {
  return !isSparing(line) && line.type !== "cellular" && !SLOW.includes(line.effectiveType ?? "");
}

/** @returns {Line} as it is now */
export function theLine() {
  const { saveData, effectiveType, type } = /** @type {any} */ (navigator).connection ?? {};
  return { saveData, effectiveType, type, reducedData: reducedData?.matches };
}
