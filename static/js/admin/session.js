// @ts-check
/** Signing in by the token, and out. */

import { ApiError, call } from "../api.js";
import { part, tell } from "../dom.js";

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
      this.#signIn();
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
    const button = part(this.page, '#sign-in [type="submit"]');
    button.disabled = true;
    tell(this.page, "#sign-in-error", "");
    try {
      await call("/admin/session", { method: "POST", body: { token: token.value } });
      token.value = "";
      this.enter(true);
    } catch (error) {
      const words = error instanceof ApiError ? error.message : "the server cannot be reached, please try again";
      tell(this.page, "#sign-in-error", words.charAt(0).toUpperCase() + words.slice(1));
    } finally {
      button.disabled = false;
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
