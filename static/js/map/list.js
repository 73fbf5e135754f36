// @ts-check
/** The pictures near the middle of the map as a list of links: for whoever reads rather than looks. */

import { copy, matchList, part, tell } from "../dom.js";
import { nameOf, thumbnail } from "../images.js";

/** @typedef {import("./names.js").Names} Names */

export const LISTED = 12;

export class List {
  /**
   * @param {HTMLElement} element
   * @param {HTMLTemplateElement} template
   * @param {Names} names
   * @param {number} width  one of the server's thumbnail widths
   */
  constructor(element, template, names, width) {
    this.element = element;
    this.template = template;
    this.names = names;
    this.width = width;
  }

  /** @param {number[]} ids  nearest to the middle first */
  async show(ids) {
    const found = await Promise.all(ids.map((id) => this.names.of(id)));
    const images = found.filter((image) => image !== null);
    matchList(
      this.element,
      images,
      ({ id }) => String(id),
      () => copy(this.template),
      (item, image) => {
        const link = part(item, "a");
        link.href = `/similar/${image.id}`;
        const picture = part(item, "img");
        const source = thumbnail(image, this.width);
        if (picture.getAttribute("src") !== source) picture.src = source;
        tell(item, ".listed-title", image.title || nameOf(image));
        tell(item, ".listed-creator", image.title ? image.creator : "");
      },
    );
  }
}
