// @ts-check
/** A line at the bottom of the screen that says what has been done, with a way to undo it. */

const SHOWN_FOR = 8_000;

/** @type {HTMLElement | null} */
let line = null;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
/** @type {(() => void) | null} */
let undoing = null;
/** Where the focus was before it came to the line. @type {EventTarget | null} */
let from = null;

/**
 * @param {string} words
 * @param {(() => void) | null} [undo]
 */
export function say(words, undo = null) {
  line ??= made();
  // Over a dialog only what is inside it can be reached.
  (document.querySelector("dialog:modal") ?? document.body).append(line);
  undoing = undo;
  const [text, button] = /** @type {any} */ (line.children);
  button.hidden = undo === null;
  text.textContent = "";
  requestAnimationFrame(() => (text.textContent = words)); // the same words are told again
  line.hidden = false;
  clearTimeout(timer);
  timer = setTimeout(() => !line?.contains(document.activeElement) && hide(), SHOWN_FOR);
}

/** @returns {boolean} whether there was something to undo */
export function undo() {
  const act = undoing;
  const focused = line?.contains(document.activeElement) && from instanceof HTMLElement ? from : null;
  hide();
  focused?.focus({ preventScroll: true });
  act?.();
  return act !== null;
}

function hide() {
  undoing = null;
  if (line) line.hidden = true;
}

function made() {
  const element = document.createElement("div");
  const text = document.createElement("p");
  const button = document.createElement("button");
  element.className = "said";
  text.setAttribute("role", "status");
  button.type = "button";
  button.textContent = "Undo";
  button.addEventListener("click", () => undo());
  button.addEventListener("focus", (event) => (from = event.relatedTarget));
  element.append(text, button);
  return element;
}
