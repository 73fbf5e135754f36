// @ts-check
/**
 * Colours on a wheel: the hue around it, how strong from its middle, and lightness beside it. No DOM.
 *
 * HSL as CSS Color 4 has it, https://www.w3.org/TR/css-color-4/#the-hsl-notation
 */

/** @typedef {{hue: number, strength: number, light: number}} Color  degrees, 0 to 1, 0 to 1 */

const NAMES = ["red", "orange", "yellow", "lime", "green", "sea green", "cyan", "sky blue", "blue", "violet", "magenta", "pink"];

/**
 * @param {string} text  as typed
 * @returns {string} `#rrggbb`, empty for anything else
 */
export function hexOf(text) {
  const digits = /^\s*#?([0-9a-f]{6}|[0-9a-f]{3})\s*$/i.exec(text)?.[1].toLowerCase() ?? "";
  return digits && `#${digits.length === 3 ? digits.replaceAll(/./g, "$&$&") : digits}`;
}

/**
 * @param {Color} color
 * @returns {string} `#rrggbb`
 */
export function toHex({ hue, strength, light }) {
  const most = strength * Math.min(light, 1 - light);
  const channel = (/** @type {number} */ n) => {
    const k = (n + hue / 30) % 12;
    const value = light - most * Math.max(-1, Math.min(k - 3, 9 - k, 1));
    return Math.round(255 * value).toString(16).padStart(2, "0");
  };
  return `#${channel(0)}${channel(8)}${channel(4)}`;
}

/**
 * @param {string} hex  `#rrggbb`
 * @returns {Color}
 */
export function fromHex(hex) {
  const [red, green, blue] = [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255);
  const most = Math.max(red, green, blue);
  const least = Math.min(red, green, blue);
  const light = (most + least) / 2;
  const range = most - least;
  if (range === 0) return { hue: 0, strength: 0, light };
  const sixth = most === red ? ((green - blue) / range + 6) % 6 : most === green ? (blue - red) / range + 2 : (red - green) / range + 4;
  return { hue: 60 * sixth, strength: range / (1 - Math.abs(2 * light - 1)), light };
}

/**
 * The colour at a point of the wheel.
 *
 * @param {number} x  from its middle, in radii, to the right
 * @param {number} y  downwards
 * @param {number} light
 * @returns {Color}
 */
export function at(x, y, light) {
  const degrees = (Math.atan2(x, -y) * 180) / Math.PI;
  return { hue: (degrees + 360) % 360, strength: Math.min(1, Math.hypot(x, y)), light };
}

/**
 * Where a colour is on the wheel.
 *
 * @param {Color} color
 * @returns {{x: number, y: number}} from its middle, in radii
 */
export function pointOf({ hue, strength }) {
  const radians = (hue * Math.PI) / 180;
  return { x: strength * Math.sin(radians), y: -strength * Math.cos(radians) };
}

/**
 * What an arrow key makes of a colour.
 *
 * @param {Color} color
 * @param {string} key
 * @returns {Color | null} null for keys that mean nothing here
 */
export function turned(color, key) {
  const turn = { ArrowLeft: -5, ArrowRight: 5, PageUp: 30, PageDown: -30 }[key];
  const more = { ArrowUp: 0.05, ArrowDown: -0.05 }[key];
  if (turn) return { ...color, hue: (color.hue + turn + 360) % 360 };
  if (more) return { ...color, strength: Math.min(1, Math.max(0, color.strength + more)) };
  return null;
}

/**
 * For those who cannot see it.
 *
 * @param {Color} color
 */
export function nameOfColor({ hue, strength, light }) {
  if (light < 0.06) return "black";
  if (light > 0.96) return "white";
  const tone = light < 0.3 ? "dark " : light > 0.72 ? "light " : "";
  if (strength < 0.1) return `${tone}grey`;
  return `${tone}${strength < 0.4 ? "greyish " : ""}${NAMES[Math.round(hue / 30) % 12]}`;
}
