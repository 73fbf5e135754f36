// @ts-check
/** The options of a source, from the fields of a form to what the API takes. */

/** @type {Record<string, (text: string) => unknown>} */
const READ = {
  depth: Number,
  rate: Number,
  recrawl: String,
  watch: () => true,
  open_access: (text) => text === "yes",
  languages: list,
  url_col: String,
  caption_col: String,
  save_additional_columns: list,
};

/** Those that every seed has. */
const ALWAYS = ["rate", "recrawl"];

/**
 * @param {Iterable<[string, unknown]>} fields  names and texts; empty ones are left to the settings
 * @param {readonly string[]} heeded            options of this kind of source
 * @returns {Record<string, unknown>}
 */
export function readOptions(fields, heeded) {
  /** @type {Record<string, unknown>} */
  const options = {};
  for (const [name, value] of fields) {
    const text = typeof value === "string" ? value.trim() : "";
    if (text && Object.hasOwn(READ, name) && (heeded.includes(name) || ALWAYS.includes(name))) {
      options[name] = READ[name](text);
    }
  }
  return options;
}

/** @param {string} text */
function list(text) {
  return text.split(",").map((word) => word.trim()).filter(Boolean);
}
