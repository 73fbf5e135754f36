// @ts-check
/** Pictures that stay when the question changes move from where they hung to where they hang now. */

const MOVE = { duration: 280, easing: "cubic-bezier(0.2, 0, 0, 1)" };

/**
 * @param {HTMLElement} wall
 * @returns {Map<string, DOMRect>} where pictures are on the screen, by their ids
 */
export function positions(wall) {
  const found = new Map();
  for (const tile of tilesOf(wall)) {
    const box = tile.getBoundingClientRect();
    if (box.bottom > 0 && box.top < innerHeight) found.set(tile.dataset.id, box);
  }
  return found;
}

/**
 * @param {HTMLElement} wall
 * @param {Map<string, DOMRect>} before  what `positions` gave
 */
export function fly(wall, before) {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  /** @type {[HTMLElement, DOMRect, DOMRect][]} all are measured before any is moved */
  const moves = [];
  for (const tile of tilesOf(wall)) {
    const from = before.get(tile.dataset.id ?? "");
    const to = tile.getBoundingClientRect();
    if (from && to.width && to.top < innerHeight) moves.push([tile, from, to]);
  }
  for (const [tile, from, to] of moves) {
    const start = `translate(${from.left - to.left}px, ${from.top - to.top}px) scale(${from.width / to.width}, ${from.height / to.height})`;
    const move = tile.animate([{ transformOrigin: "0 0", transform: start }, { transformOrigin: "0 0", transform: "none" }], MOVE);
    tile.setAttribute("data-moving", "");
    move.onfinish = move.oncancel = () => tile.removeAttribute("data-moving");
  }
}

/** @param {HTMLElement} wall */
function tilesOf(wall) {
  return /** @type {NodeListOf<HTMLElement>} */ (wall.querySelectorAll(":scope > .tile"));
}
