// @ts-check
/** What somebody means who names a picture: its number, its page here, or its address on the web. */

const HERE = /^\/(?:similar|thumbs|api\/images)\/([1-9][0-9]{0,14})(?:\/|$)/;

/**
 * @param {string} text
 * @param {string} origin  of this server
 * @returns {{id: number} | {url: string} | null}
 */
export function meant(text, origin) {
  const said = text.trim();
  if (/^#?[1-9][0-9]{0,14}$/.test(said)) return { id: Number(said.replace("#", "")) };
  const path = said.startsWith("/") ? said : pathHere(said, origin);
  const found = HERE.exec(path);
  if (found) return { id: Number(found[1]) };
  return said ? { url: said } : null;
}

/**
 * @param {string} address
 * @param {string} origin
 */
function pathHere(address, origin) {
  if (!URL.canParse(address)) return "";
  const url = new URL(address);
  return url.origin === origin ? url.pathname : "";
}
