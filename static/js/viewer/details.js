// @ts-check
/** What is known of the picture in the viewer: in words, links, and as a citation to copy. */

import { call } from "../api.js";
import { part, tell } from "../dom.js";
import { nameOf, readImages } from "../images.js";
import { fillPicture } from "../tile.js";
import { citation } from "./citation.js";

/** @typedef {import("../images.js").DetailedImage} DetailedImage */

const DWELL = 250;
const NEAR_MOST = 24;
const SAID_FOR = 4_000;

export class Details {
  /** @type {(image: DetailedImage) => void} called when a near-duplicate is to be laid beside the picture */
  oncompare = () => {};
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #asking;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #saying;
  /** @type {AbortController | null} */
  #request = null;

  /**
   * @param {HTMLElement} element
   * @param {HTMLTemplateElement} template  of a near-duplicate
   * @param {readonly number[]} widths      the server's thumbnail widths, ascending
   */
  constructor(element, template, widths) {
    this.element = element;
    this.template = template;
    this.widths = widths;
    part(element, ".copy-citation").addEventListener("click", () => this.#copy());
  }

  /** @param {DetailedImage} image */
  show(image) {
    for (const name of /** @type {const} */ (["creator", "date", "medium", "rights", "attribution"])) this.#fill(name, image[name]);
    this.#fill("title", image.title || nameOf(image));
    this.#fill("size", `${image.width} × ${image.height} pixels`);
    this.#link("home", image.pageUrl || image.url, "See it at");
    this.#link("original", image.pageUrl ? image.url : "", "Full picture at");
    this.#fill("citation", citation(image, new Date(), `${location.origin}/image/${image.id}`));
    this.#say("");
    const record = part(this.element, ".record");
    record.href = `/api/images/${image.id}`;
    record.download = `artalike-${image.id}.json`;
    part(this.element, ".more-like").href = `/similar/${image.id}`;
    this.#near([]);
    this.#request?.abort();
    clearTimeout(this.#asking);
    this.#asking = setTimeout(() => this.#askNear(image), DWELL);
  }

  clear() {
    clearTimeout(this.#asking);
    this.#request?.abort();
  }

  /** @param {number | null} id  of the near-duplicate that lies beside the picture */
  mark(id) {
    for (const button of this.element.querySelectorAll(".near-one")) {
      button.setAttribute("aria-pressed", String(/** @type {HTMLElement} */ (button).dataset.id === String(id)));
    }
  }

  /** @param {DetailedImage} image */
  async #askNear(image) {
    this.#request = new AbortController();
    const { signal } = this.#request;
    try {
      const answer = await call(`/api/images/${image.id}/near-duplicates?limit=${NEAR_MOST}`, { signal });
      if (!signal.aborted) this.#near(readImages(answer?.results));
    } catch {
      return; // the picture is there all the same, and its next visit asks again
    }
  }

  /** @param {DetailedImage[]} images */
  #near(images) {
    part(this.element, ".near-all").hidden = images.length === 0;
    part(this.element, ".near-list").replaceChildren(...images.map((image) => this.#nearOne(image)));
  }

  /** @param {DetailedImage} image */
  #nearOne(image) {
    const item = /** @type {HTMLElement} */ (this.template.content.cloneNode(true));
    const button = part(item, "button");
    const words = [`${image.width} × ${image.height}`, image.url && new URL(image.url).host].filter(Boolean).join(" · ");
    button.dataset.id = String(image.id);
    button.setAttribute("aria-pressed", "false");
    button.setAttribute("aria-label", `Compare with ${nameOf(image)}, ${words}`);
    const picture = part(item, "img");
    fillPicture(picture, image, this.widths);
    picture.sizes = "96px";
    picture.alt = "";
    part(item, ".near-note").textContent = words;
    button.addEventListener("click", () => this.oncompare(image));
    return item;
  }

  async #copy() {
    const quote = part(this.element, '[data-told="citation"]');
    try {
      await navigator.clipboard.writeText(quote.textContent);
      this.#say("Copied");
    } catch {
      // Only pages over https may write there: what is selected can be copied by hand.
      getSelection()?.selectAllChildren(quote);
      this.#say("Selected: copy it with Ctrl C or ⌘ C");
    }
  }

  /** @param {string} words */
  #say(words) {
    clearTimeout(this.#saying);
    tell(this.element, ".copy-said", words);
    if (words) this.#saying = setTimeout(() => this.#say(""), SAID_FOR);
  }

  /**
   * @param {string} name
   * @param {string} text  empty to hide the field
   */
  #fill(name, text) {
    const field = part(this.element, `[data-told="${name}"]`);
    field.textContent = text;
    (field.closest("[data-row]") ?? field).hidden = text === "";
  }

  /**
   * @param {string} name
   * @param {string} url   http or https, or empty to hide the link
   * @param {string} text  before the host's name
   */
  #link(name, url, text) {
    this.#fill(name, url && `${text} ${new URL(url).host}`);
    const link = part(this.element, `[data-told="${name}"]`);
    if (url) link.setAttribute("href", url);
    else link.removeAttribute("href");
  }
}
