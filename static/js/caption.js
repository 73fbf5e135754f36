// @ts-check
/** What is known of the picture under the pointer or with the focus: one caption that moves between the pictures. */

import { copy, part, tell } from "./dom.js";
import { percent } from "./format.js";

/** @typedef {import("./images.js").DetailedImage} DetailedImage */

export class Caption {
  /**
   * @param {HTMLElement} wall
   * @param {HTMLTemplateElement} template
   * @param {(element: Element) => DetailedImage | undefined} imageOf
   */
  constructor(wall, template, imageOf) {
    this.element = copy(template);
    this.imageOf = imageOf;
    wall.addEventListener("pointerover", (event) => event.pointerType === "mouse" && this.#attach(event.target));
    wall.addEventListener("focusin", (event) => this.#attach(event.target));
  }

  /** @param {EventTarget | null} target */
  #attach(target) {
    const tile = target instanceof Element ? target.closest(".tile") : null;
    const image = tile && this.imageOf(tile);
    if (!tile || !image) return;
    const link = part(tile, "a");
    const note = [
      image.score === null ? "" : `${percent(image.score)} alike`,
      image.nearDuplicates > 0 ? `+${image.nearDuplicates} nearly the same` : "",
    ].filter(Boolean);
    tell(this.element, ".caption-title", image.title);
    tell(this.element, ".caption-creator", image.creator);
    tell(this.element, ".caption-note", note.join(" · "));
    this.element.hidden = !(image.title || image.creator || note.length);
    if (this.element.parentElement !== link) link.append(this.element);
  }
}
