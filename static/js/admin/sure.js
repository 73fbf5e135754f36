// @ts-check
/** Buttons that ask once more before they do what cannot be undone. */

const SURE_FOR = 6_000;

/**
 * @param {HTMLButtonElement} button
 * @param {() => string} question  what the button says when it asks
 * @param {() => unknown} act
 */
export function askTwice(button, question, act) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let label = "";
  const calm = () => {
    if (timer === undefined) return;
    clearTimeout(timer);
    timer = undefined;
    delete button.dataset.sure;
    button.textContent = label;
  };
  button.addEventListener("click", () => {
    if (timer !== undefined) {
      calm();
      act();
      return;
    }
    label = button.textContent ?? "";
    button.dataset.sure = "yes";
    button.textContent = question();
    timer = setTimeout(calm, SURE_FOR);
  });
  button.addEventListener("blur", calm);
  button.addEventListener("keydown", (event) => {
    if (event.key === "Escape") calm();
  });
}
