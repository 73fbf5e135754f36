// @ts-check
/** Taking one picture out: found by its number or address, looked at first, and asked once more. */

import { call } from "../api.js";
import { part, tell } from "../dom.js";
import { isolated, nameOf, plain, readImage, safeLink } from "../images.js";
import { busy } from "./busy.js";
import { meant } from "./lookup.js";
import { trouble } from "./trouble.js";

export class Removal {
  /** @type {(error: unknown) => void} called when something was refused or lost */
  onerror = () => {};
  /** @type {(words: string) => void} called when a picture is out */
  ondone = () => {};
  #id = 0;

  /**
   * @param {HTMLFormElement} form   asks which picture
   * @param {HTMLFormElement} sheet  shows it, and asks whether
   */
  constructor(form, sheet) {
    this.form = form;
    this.sheet = sheet;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#look();
    });
    sheet.addEventListener("submit", (event) => {
      event.preventDefault();
      busy(part(sheet, '[type="submit"]'), () => this.#takeOut());
    });
    part(sheet, '[data-act="keep"]').addEventListener("click", () => this.#close());
  }

  async #look() {
    const asked = meant(this.form.picture.value, location.origin);
    if (!asked) return;
    this.#say("");
    this.sheet.hidden = true;
    try {
      const id = "id" in asked ? asked.id : (await call(`/api/admin/images?${new URLSearchParams(asked)}`)).id;
      const raw = await call(`/api/images/${id}`);
      this.#show(raw);
    } catch (error) {
      this.#say(trouble(error));
      this.onerror(error);
    }
  }

  /** @param {any} raw */
  #show(raw) {
    const image = readImage(raw);
    if (!image) return;
    this.#id = image.id;
    const { sheet } = this;
    const picture = part(sheet, "img");
    picture.src = `/thumbs/${image.id}/256`;
    picture.alt = nameOf(image);
    picture.width = image.width;
    picture.height = image.height;
    picture.style.backgroundColor = image.color;
    tell(sheet, '[data-field="name"]', image.title || `Picture ${image.id}`);
    tell(sheet, '[data-field="about"]', [isolated(image.creator), `number ${image.id}`, isolated(raw.source)].filter(Boolean).join(" · "));
    const link = part(sheet, '[data-field="url"]');
    tell(sheet, '[data-field="url"]', plain(raw.url));
    const address = safeLink(raw.url);
    if (address) link.href = address;
    else link.removeAttribute("href");
    sheet.hidden = false;
    part(sheet, "h3").focus();
  }

  async #takeOut() {
    const { sheet } = this;
    try {
      const reason = sheet.reason.value.trim();
      const asked = reason ? `?${new URLSearchParams({ reason })}` : "";
      await call(`/api/admin/images/${this.#id}${asked}`, { method: "DELETE" });
      const words = `Picture ${this.#id} is out, and its bytes are blocked.`;
      this.#close();
      this.#say(words);
      this.ondone("");
    } catch (error) {
      this.#say(trouble(error));
      this.onerror(error);
    }
  }

  #close() {
    this.sheet.hidden = true;
    this.sheet.reset();
    this.form.reset();
    part(this.sheet, "img").removeAttribute("src");
    this.form.picture.focus();
  }

  /** @param {string} words */
  #say(words) {
    tell(this.form, '[data-field="said"]', words);
  }
}
