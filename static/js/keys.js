// @ts-check
/** What the keys do, for the help sheet. Who listens for a key names it here. */

/**
 * @typedef {object} KeyGroup
 * @property {string} name
 * @property {[keys: string[], does: string][]} keys  as the visitor finds them on the keyboard; any of them does it
 */

/** @type {KeyGroup[]} */
export const KEYS = [
  {
    name: "On the wall",
    keys: [
      [["←", "→", "↑", "↓"], "to the next picture that way"],
      [["Enter"], "make it the question: what is like it?"],
      [["Space", "V"], "look closer"],
      [["F"], "keep among the favourites, or no longer"],
      [["+"], "add it to the question: more like this"],
      [["−"], "add it to the question: less like this"],
      [["X"], "pick it, to ask by several"],
      [["D"], "another density: airy, normal, dense"],
      [["/"], "ask by words, an address or a picture"],
      [["Esc", "Backspace"], "one step back"],
    ],
  },
  {
    name: "Looking closer",
    keys: [
      [["←", "→"], "to the next picture; closer by: move"],
      [["N", "P"], "to the next picture and back, also from closer by"],
      [["+", "−"], "zoom in, zoom out"],
      [["0"], "the whole picture"],
      [["M"], "more like this"],
      [["F"], "keep among the favourites, or no longer"],
      [["I"], "the picture alone, or with what is known of it"],
      [["Esc", "V"], "back to the wall"],
    ],
  },
  {
    name: "On a board",
    keys: [
      [["Alt ←", "Alt →"], "move the picture"],
      [["Delete"], "take it off the board"],
      [["Ctrl Z"], "undo"],
    ],
  },
  { name: "Everywhere", keys: [[["?"], "this sheet"]] },
];
