// @ts-check
/**
 * Images as the API gives them, made safe to show: checked, trimmed to what the pages need, links vetted.
 *
 * Whatever a source said of a picture is text: it goes into the page by `textContent` and `setAttribute` alone.
 */

/**
 * @typedef {object} Image
 * @property {number} id
 * @property {number} width           pixels
 * @property {number} height          pixels
 * @property {string} color           `#rrggbb`
 * @property {string} title           empty when unknown
 * @property {string} creator         empty when unknown
 * @property {number | null} score    cosine, in ranked answers
 * @property {number} nearDuplicates  near-duplicates folded under it
 */

/**
 * What the page of one picture tells beyond the picture; empty when unknown.
 *
 * @typedef {object} Details
 * @property {string} date
 * @property {string} medium
 * @property {string} rights
 * @property {string} attribution
 * @property {string} url      of the picture at its home, http or https
 * @property {string} pageUrl  of the page about it, http or https
 */

/** @typedef {Image & Details} DetailedImage */

/** Addresses that parsing would leave as they are. It costs, and each record has two. */
const COMMON = /^https?:\/\/(?!\S*xn--)[a-z][a-z0-9-]*(?:\.[a-z][a-z0-9-]*)+\/(?:[\w~?&=+-]|%[0-9a-fA-F]{2}|\.(?=\w)|[\w~-]\/(?=[\w~-]))*$/;
const LONGEST_TEXT = 500;
const GREY = "#8a857c";
/** What a plain line does not have. Most texts are plain, and are not written anew. */
const UNPLAIN = /[\p{Cc}\p{Cs}]|(?! )\s| \s/u;
// Bidirectional overrides and isolates: inside an attribute nothing contains them.
const DIRECTION_CONTROLS = /[\u202a-\u202e\u2066-\u2069]/g;
const FROM_THE_RIGHT = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;
const RUN = new RegExp(`${FROM_THE_RIGHT.source}(?:\\P{L}*${FROM_THE_RIGHT.source})*`, "gu");

/**
 * @param {unknown} value  from an answer, an event or storage
 * @returns {DetailedImage | null} null when it is no image that can be shown
 */
export function readImage(value) {
  if (typeof value !== "object" || value === null) return null;
  const raw = /** @type {Record<string, unknown>} */ (value);
  const id = number(raw.id);
  const width = number(raw.width);
  const height = number(raw.height);
  if (id === null || !Number.isSafeInteger(id) || !width || !height || width < 0 || height < 0) return null;
  return {
    id,
    width,
    height,
    color: typeof raw.color === "string" && /^#[0-9a-f]{6}$/i.test(raw.color) ? raw.color : GREY,
    title: plain(raw.title),
    creator: plain(raw.creator),
    score: number(raw.score),
    nearDuplicates: number(raw.near_duplicates ?? raw.nearDuplicates) ?? 0,
    date: plain(raw.date),
    medium: plain(raw.medium),
    rights: plain(raw.rights),
    attribution: plain(raw.attribution),
    url: safeLink(raw.url),
    pageUrl: safeLink(raw.page_url ?? raw.pageUrl),
  };
}

/**
 * @param {unknown} values
 * @returns {DetailedImage[]} the showable ones, in their order
 */
export function readImages(values) {
  if (!Array.isArray(values)) return [];
  return values.map(readImage).filter((image) => image !== null);
}

/**
 * What to call a picture, in attributes and in the window's title.
 *
 * @param {Image} image
 */
export function nameOf(image) {
  const words = [image.title, image.creator].filter(Boolean).join(", ");
  return withoutDirections(words) || `Untitled picture ${image.id}`;
}

/** @param {string} text  for a place where nothing contains what turns the direction of the text around it */
export function withoutDirections(text) {
  return text.replace(DIRECTION_CONTROLS, "");
}

/** @param {unknown} text  from the web, for an attribute, or for a list of such words */
export function inline(text) {
  return withoutDirections(plain(text));
}

/**
 * For the middle of a sentence, which keeps its own direction: between FIRST STRONG ISOLATE and POP DIRECTIONAL ISOLATE
 * where that matters, https://www.unicode.org/reports/tr9/#Explicit_Directional_Isolates
 *
 * @param {unknown} text  from the web
 */
export function isolated(text) {
  const words = inline(text);
  return FROM_THE_RIGHT.test(words) ? `\u2068${words}\u2069` : words;
}

/**
 * A sentence of the server's, in which text from the web may be quoted.
 *
 * @param {string} sentence
 */
export function contained(sentence) {
  return withoutDirections(sentence).replace(RUN, "\u2068$&\u2069");
}

/**
 * @param {{id: number}} image
 * @param {number} width  one of the server's thumbnail widths
 */
export function thumbnail(image, width) {
  return `/thumbs/${image.id}/${width}`;
}

/**
 * The address, where it may be linked to.
 *
 * @param {unknown} value
 * @returns {string} empty for anything but http and https
 */
export function safeLink(value) {
  if (typeof value !== "string") return "";
  if (COMMON.test(value)) return value;
  if (!URL.canParse(value)) return "";
  const url = new URL(value);
  return url.protocol === "https:" || url.protocol === "http:" ? url.href : "";
}

/**
 * Text from the web on one line: without control characters and broken surrogates, of bounded length.
 *
 * @param {unknown} value
 */
export function plain(value) {
  if (typeof value !== "string") return "";
  const line = (UNPLAIN.test(value) ? value.replace(/[\p{Cc}\p{Cs}\s]+/gu, " ") : value).trim();
  return line.length > LONGEST_TEXT ? `${line.slice(0, LONGEST_TEXT).trimEnd()}…` : line;
}

/**
 * @param {unknown} value
 * @returns {number | null}
 */
function number(value) {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}
