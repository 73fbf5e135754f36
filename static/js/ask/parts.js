// @ts-check
/**
 * A question of several parts: pictures, addresses and words to look for, or to stay away from. Read from addresses
 * and written to them, and put as the API wants it. No DOM. `artalike/web/asking.py` reads the same addresses.
 */

/**
 * @typedef {object} Part
 * @property {"id" | "url" | "text" | "own"} kind
 * @property {string} value          an id in digits, an address, words, or the key of a visitor's own picture
 * @property {boolean} away          whether to stay away from it
 * @property {number | null} weight  how much it counts, 0 to 10; null for as much as usual
 */

/** @typedef {"less" | "normal" | "more"} Level */

/** Of parts to look for, and of those to stay away from. */
export const PARTS_MOST = 16;
/** Of both together. */
export const TEXTS_MOST = 8;
/** Likewise, of a visitor's own pictures. */
export const OWN_MOST = 8;
const TEXT_LENGTH = 1000;
const URL_LENGTH = 4096;
const WEIGHT_MOST = 10;

const USUAL = { like: 1, unlike: 2 / 3 };
const LEVELS = { like: { less: 0.5, more: 2 }, unlike: { less: 0.3, more: 1.3 } };
const WEIGHED = /^(.*)~(\d{1,4}(?:\.\d{1,4})?)$/s;
const ADDRESS = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/\S/;
const ID = /^[1-9]\d{0,14}$/;
const KEY = /^\w{1,40}$/;

/** What parts are called in addresses, to look for and to stay away from. */
const NAMES = {
  id: ["like", "unlike"],
  url: ["like", "unlike"],
  text: ["text", "without"],
  own: ["picture", "unlike_picture"],
};
const KNOWN = new Set(Object.values(NAMES).flat());
const AWAY = new Set(Object.values(NAMES).map(([, away]) => away));

/**
 * @param {Part["kind"]} kind
 * @param {string | number} value
 * @param {{away?: boolean, weight?: number | null}} [more]
 * @returns {Part}
 */
export function partOf(kind, value, { away = false, weight = null } = {}) {
  return { kind, value: String(value), away, weight };
}

/**
 * What somebody has typed: an address where it begins as one, else words.
 *
 * @param {string} typed
 * @param {boolean} [away]
 * @returns {Part | null} null when there is nothing to ask by
 */
export function partOfText(typed, away = false) {
  const text = typed.replace(/\s+/g, " ").trim();
  if (ADDRESS.test(text)) return text.length > URL_LENGTH ? null : partOf("url", text, { away });
  return /[\p{L}\p{N}]/u.test(text) ? partOf("text", text.slice(0, TEXT_LENGTH), { away }) : null;
}

/**
 * The parts in an address: `like` and `unlike` name pictures by id or address, `text` and `without` are words, `picture`
 * and `unlike_picture` pictures of the visitor's own; a weight follows behind a tilde.
 *
 * @param {URLSearchParams} params
 * @returns {Part[]} at most as many as the server takes
 */
export function readParts(params) {
  /** @type {Part[]} */
  const parts = [];
  for (const [name, raw] of params) {
    if (!KNOWN.has(name)) continue;
    const away = AWAY.has(name);
    const [, value, number] = WEIGHED.exec(raw) ?? [null, raw, null];
    const part = NAMES.own.includes(name) ? ownPart(value, away)
      : NAMES.id.includes(name) && ID.test(value) ? partOf("id", value, { away })
      : partOfText(value, away);
    if (!part || (number !== null && Number(number) > WEIGHT_MOST)) continue;
    part.weight = number === null ? null : Number(number);
    parts.push(part);
  }
  return bounded(parts);
}

/**
 * @param {readonly Part[]} parts
 * @param {URLSearchParams} params  to append them to
 */
export function writeParts(parts, params) {
  for (const { kind, value, away, weight } of parts) {
    const name = NAMES[kind][away ? 1 : 0];
    // Words that end as a weight does are followed by their own.
    const says = weight ?? (WEIGHED.test(value) ? usual(away) : null);
    params.append(name, says === null ? value : `${value}~${Number(says.toFixed(4))}`);
  }
}

/**
 * @param {string} key
 * @param {boolean} [away]
 * @returns {Part | null} null for what is no key
 */
export function ownPart(key, away = false) {
  return KEY.test(key) ? partOf("own", key, { away }) : null;
}

/** @param {readonly Part[]} parts  the keys of the visitor's own pictures, in the order in which they are sent along */
export function ownKeys(parts) {
  return parts.filter((part) => part.kind === "own").map((part) => part.value);
}

/**
 * The parts as `POST /api/search` takes them, beside the visitor's own pictures where there are any.
 *
 * @param {readonly Part[]} parts
 * @returns {{like: object[], unlike: object[]}}
 */
export function bodyOf(parts) {
  const keys = ownKeys(parts);
  const spell = (/** @type {Part} */ { kind, value, weight }) => ({
    ...(kind === "own" ? { upload: keys.indexOf(value) } : { [kind]: kind === "id" ? Number(value) : value }),
    ...(weight === null ? {} : { weight }),
  });
  return {
    like: parts.filter((part) => !part.away).map(spell),
    unlike: parts.filter((part) => part.away).map(spell),
  };
}

/**
 * @param {readonly Part[]} parts
 * @param {Part} added  takes the place of the same thing, if that is there
 */
export function withPart(parts, added) {
  return bounded([...parts.filter((part) => !same(part, added)), added]);
}

/**
 * @param {readonly Part[]} parts
 * @param {Part} gone
 */
export function withoutPart(parts, gone) {
  return parts.filter((part) => !same(part, gone));
}

/**
 * @param {Part} one
 * @param {Part} other
 */
export function same(one, other) {
  return one.kind === other.kind && one.value === other.value;
}

/** @param {readonly Part[]} parts  whether anything is looked for, which is what an answer takes */
export function asksForSomething(parts) {
  return parts.some((part) => !part.away && part.weight !== 0);
}

/**
 * @param {Part} part
 * @returns {Level}
 */
export function levelOf({ away, weight }) {
  if (weight === null || weight === usual(away)) return "normal";
  return weight < usual(away) ? "less" : "more";
}

/**
 * @param {Part} part
 * @param {Level} level
 * @returns {Part}
 */
export function atLevel(part, level) {
  return { ...part, weight: level === "normal" ? null : LEVELS[part.away ? "unlike" : "like"][level] };
}

/** @param {boolean} away */
function usual(away) {
  return away ? USUAL.unlike : USUAL.like;
}

/**
 * The first of each thing, and no more than the server takes.
 *
 * @param {Part[]} parts
 */
function bounded(parts) {
  const left = { true: PARTS_MOST, false: PARTS_MOST, text: TEXTS_MOST, own: OWN_MOST };
  return parts.filter((part, place) => {
    if (parts.findIndex((other) => same(other, part)) !== place) return false;
    if ((part.kind === "text" || part.kind === "own") && left[part.kind]-- <= 0) return false;
    return left[/** @type {"true" | "false"} */ (String(part.away))]-- > 0;
  });
}
