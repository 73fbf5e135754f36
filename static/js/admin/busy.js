// @ts-check
/** A button that cannot be pressed while its work is under way, and keeps its focus over that. */

/**
 * @template T
 * @param {HTMLButtonElement} button
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function busy(button, work) {
  const held = document.activeElement === button;
  button.disabled = true;
  try {
    return await work();
  } finally {
    button.disabled = false;
    // Browsers take the focus from a button that is disabled; who has gone elsewhere meanwhile stays there.
    if (held && document.activeElement === document.body) button.focus();
  }
}
