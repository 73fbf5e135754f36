// @ts-check
/** Signing in by the token, and out. */

import { ApiError, call } from "../api.js";
import { part, tell } from "../dom.js";
import { busy } from "./busy.js";
import { trouble } from "./trouble.js";

export class Session {
  /** @type {(signedIn: boolean) => void} called when that changes, and at the beginning */
  onchange = () => {};

  /** Whether somebody has just come in by the door, and not with the page. */
  fresh = false;

  /** @param {ParentNode} page */
  constructor(page) {
    this.page = page;
    part(page, "#sign-in").addEventListener("submit", (/** @type {Event} */ event) => {
      event.preventDefault();
      busy(part(page, '#sign-in [type="submit"]'), () => this.#signIn());
    });
    part(page, "#sign-out").addEventListener("click", () => this.#signOut());
  }

  get signedIn() {
    return !part(this.page, "#desk").hidden;
  }

  /** @param {unknown} error  a session that has ended leads back to the door */
  refused(error) {
    if (error instanceof ApiError && error.status === 401) this.enter(false);
  }

  /** @param {boolean} signedIn */
  enter(signedIn) {
    const moved = this.signedIn !== signedIn;
    part(this.page, "#door").hidden = signedIn;
    part(this.page, "#desk").hidden = !signedIn;
    part(this.page, "#sign-out").hidden = !signedIn;
    this.fresh = moved && signedIn;
    if (moved && !signedIn) part(this.page, "#token").focus();
    this.onchange(signedIn);
  }

  async #signIn() {
    const token = part(this.page, "#token");
    tell(this.page, "#sign-in-error", "");
    try {
      await call("/admin/session", { method: "POST", body: { token: token.value } });
      token.value = "";
      this.enter(true);
    } catch (error) {
      tell(this.page, "#sign-in-error", trouble(error));
    }
  }

  async #signOut() {
    try {
      await call("/admin/session", { method: "DELETE" });
    } finally {
      this.enter(false);
    }
  }
}
