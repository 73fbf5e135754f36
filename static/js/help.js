// @ts-check
/** The help sheet: all keys, over whatever is shown. */

import { isTyping } from "./dom.js";
import { KEYS } from "./keys.js";

/** Let `?` and clicks on `[data-help]` show the sheet. */
export function offerHelp() {
  addEventListener("click", (event) => {
    if (event.target instanceof Element && event.target.closest("[data-help]")) showHelp();
  });
  addEventListener("keydown", (event) => {
    if (event.key !== "?" || event.defaultPrevented || isTyping(event.target)) return;
    event.preventDefault();
    showHelp();
  });
}

export function showHelp() {
  if (document.querySelector("#help")) return;
  const sheet = document.createElement("dialog");
  sheet.id = "help";
  sheet.className = "help";
  sheet.setAttribute("aria-labelledby", "help-title");
  const done = element("button", "Close", "button");
  done.addEventListener("click", () => sheet.close());
  const title = element("h2", "Keys");
  title.id = "help-title";
  const groups = element("div", "", "help-groups");
  groups.append(...KEYS.map(({ name, keys }) => groupOf(name, keys)));
  sheet.append(done, title, groups);
  sheet.addEventListener("close", () => sheet.remove());
  sheet.addEventListener("click", (event) => event.target === sheet && sheet.close()); // beside it
  sheet.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "?") sheet.close();
  });
  document.body.append(sheet);
  sheet.showModal();
}

/**
 * @param {string} name
 * @param {import("./keys.js").KeyGroup["keys"]} keys
 */
function groupOf(name, keys) {
  const group = document.createElement("section");
  const list = document.createElement("dl");
  for (const [names, does] of keys) {
    const term = document.createElement("dt");
    term.append(...names.map((key) => element("kbd", key)));
    list.append(term, element("dd", does));
  }
  group.append(element("h3", name), list);
  return group;
}

/**
 * @param {string} tag
 * @param {string} text
 * @param {string} [className]
 */
function element(tag, text, className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = className;
  return made;
}
