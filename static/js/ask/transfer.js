// @ts-check
/** What somebody pastes or drops: a picture, or the address of one. */

/**
 * @param {DataTransfer} data
 * @returns {File | null} the first picture among its files
 */
export function pictureOf(data) {
  const files = [...data.files];
  return files.find((file) => file.type.startsWith("image/")) ?? files.find((file) => file.type === "") ?? null;
}

/**
 * The address of a picture, from the one that was dragged out of another page, or of a link.
 *
 * @param {DataTransfer} data
 * @returns {string} empty where there is none
 */
export function addressOf(data) {
  const html = data.getData("text/html");
  // A document made in this way runs nothing and loads nothing.
  const picture = html && new DOMParser().parseFromString(html, "text/html").querySelector("img[src]");
  const [link = ""] = (data.getData("text/uri-list") || data.getData("text/plain")).split(/\r?\n/).filter((line) => line && !line.startsWith("#"));
  return [picture ? picture.getAttribute("src") ?? "" : "", link.trim()].find((text) => /^https?:\/\/\S+$/.test(text)) ?? "";
}

/**
 * The picture of this site that an address leads to.
 *
 * @param {string} text
 * @param {string} origin  of this site
 * @returns {number} its id, or 0
 */
export function ownPicture(text, origin) {
  if (!URL.canParse(text)) return 0;
  const url = new URL(text);
  const found = /^\/(?:similar|thumbs)\/([1-9]\d{0,14})(?:\/|$)/.exec(url.pathname);
  return url.origin === origin && found ? Number(found[1]) : 0;
}
