// @ts-check
/**
 * Pictures of a visitor's own: they are sent to be compared and are stored nowhere but here, for as long as the page is
 * open. A small preview outlives a reload, in the session's storage, and is what is sent from then on.
 */

import { ApiError } from "../api.js";

const KEPT = 8;
const PREFIX = "artalike:picture:";
const SIDE = 320;

/** @type {Map<string, {file: Blob, preview: string}>} least recently added first */
const kept = new Map();

/** The picture was only in a page that is closed. */
export const LOST = "A picture of your own stays with you: it is not in this address, and this page no longer has it. Choose it again to see what is like it.";

/**
 * @param {Blob} file
 * @returns {Promise<string>} its key, once there is a preview or it is known that there can be none
 */
export async function keep(file) {
  const key = Math.random().toString(36).slice(2, 12);
  kept.set(key, { file, preview: await drawn(file) });
  for (const oldest of kept.keys()) {
    if (kept.size <= KEPT) break;
    kept.delete(oldest);
  }
  try {
    sessionStorage.setItem(PREFIX + key, kept.get(key)?.preview ?? "");
  } catch {
    // without storage, or where it is full, there is no preview after a reload
  }
  return key;
}

/**
 * @param {string} key
 * @throws {ApiError} as for what is not there
 */
export function fileOf(key) {
  const file = kept.get(key)?.file;
  if (file) return file;
  const [, preview] = previewOf(key).split(",");
  if (!preview) throw new ApiError(404, LOST);
  return new Blob([Uint8Array.from(atob(preview), (letter) => letter.charCodeAt(0))], { type: "image/jpeg" });
}

/**
 * @param {string} key
 * @returns {string} a data URL, empty when there is none
 */
export function previewOf(key) {
  let preview = kept.get(key)?.preview ?? "";
  try {
    preview ||= sessionStorage.getItem(PREFIX + key) ?? "";
  } catch {
    // forbidden by the visitor's settings
  }
  return preview.startsWith("data:image/jpeg") ? preview : "";
}

/**
 * @param {Blob} file
 * @returns {Promise<string>} a small JPEG of it, empty when the browser cannot draw it
 */
async function drawn(file) {
  try {
    const bitmap = await createImageBitmap(file);
    const scale = Math.min(1, SIDE / Math.max(bitmap.width, bitmap.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(bitmap.width * scale));
    canvas.height = Math.max(1, Math.round(bitmap.height * scale));
    canvas.getContext("2d")?.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    bitmap.close();
    return canvas.toDataURL("image/jpeg", 0.8);
  } catch {
    return ""; // the server may know a format that the browser does not, and says so if it does not either
  }
}
