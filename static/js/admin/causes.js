// @ts-check
/** Causes of failures in a person's words. */

/** @type {Record<string, [string, string]>} a heading, and what to make of it */
const CAUSES = {
  missing_file: ["File is gone", "It was there when its folder was read."],
  dns: ["Host unknown", "No such name: the address may be misspelt, or the site is gone."],
  dns_temporary: ["Name server silent", "The host's name could not be looked up this time."],
  connection: ["No connection", "The host did not answer, or broke off."],
  tls: ["Certificate refused", "The host could not prove that it is who it says."],
  timeout: ["Too slow", "No answer in the time that the settings give."],
  not_found: ["Not there", "The host says that there is nothing at this address."],
  refused: ["Refused", "The host does not give this to us."],
  rate_limited: ["Asked too often", "The host asked to be left alone for longer than we try."],
  server_error: ["Host in trouble", "The host says that something broke on its side."],
  redirect_loop: ["Sent in circles", "Redirects led nowhere."],
  bad_url: ["Not an address", "What the source gave cannot be asked for."],
  private_address: ["Private network", "The address leads into a private network, which crawl.allow_private forbids."],
  robots: ["Closed by robots.txt", "The site asks crawlers to stay away from this."],
  robots_unreachable: ["robots.txt out of reach", "Without it we do not know what the site allows, so we ask for nothing."],
  opted_out: ["Opted out", "Its owner does not want it to be indexed or used so."],
  blocked: ["Blocked here", "A block below keeps it out."],
  too_large: ["Too large", "More bytes than the settings allow."],
  empty: ["Empty", "An answer without a single byte."],
  not_an_image: ["Not a picture", "The bytes are of something else, or of a format that we do not take."],
  truncated: ["Cut off", "The picture ends too early."],
  too_many_pixels: ["Too many pixels", "Larger than the settings allow."],
  too_small: ["Too small", "Smaller than the settings ask for: icons, mostly."],
  bad_document: ["Not readable", "A page, list or feed that is not what it says."],
  embedding: ["Not embedded", "The network could not take it."],
  internal: ["An error of ours", "This should not happen. The log tells more."],
};

/**
 * @param {string} kind  as the API spells it
 * @returns {{title: string, meaning: string}}
 */
export function cause(kind) {
  const [title, meaning] = Object.hasOwn(CAUSES, kind) ? CAUSES[kind] : [kind.replaceAll("_", " "), ""];
  return { title, meaning };
}
