// @ts-check
/** The collection's figures and the machine's: counts, the model, the index, the disk, and what is wrong. */

import { part, tell } from "../dom.js";
import { ago, count, duration, rate } from "../format.js";
import { bytes } from "./figures.js";

const TOTALS = /** @type {const} */ (["images", "pending", "failed", "searchable"]);
const PARTS = /** @type {const} */ (["catalog", "thumbnails", "index"]);
/** Below this share of the disk, or below so many bytes, what is free is worth a second look. */
const LITTLE = 0.05;
const LEAST = 2e9;

/**
 * @param {ParentNode} page
 * @param {Record<string, any>} stats  as the server sends them; any key may be missing
 */
export function showMachine(page, stats) {
  for (const name of TOTALS) {
    tell(page, `[data-total="${name}"]`, typeof stats[name] === "number" ? count(stats[name]) : "–");
  }
  tell(page, '[data-total="rate"]', rate(stats.rate).replace("/s", "") || "0");
  tell(page, '[data-fact="model"]', modelOf(stats.model));
  tell(page, '[data-fact="index"]', indexOf(stats.index, stats.disk));
  tell(page, '[data-fact="snapshot"]', snapshotOf(stats.index, Date.now() / 1000));
  tell(page, '[data-fact="uptime"]', typeof stats.uptime_seconds === "number" ? duration(stats.uptime_seconds) : "–");
  part(page, "#problem").hidden = !stats.problem;
  tell(page, "#problem", stats.problem ? String(stats.problem) : "");
  showDisk(page, stats.disk);
}

/** @param {any} model */
function modelOf(model) {
  if (typeof model === "string") return model;
  if (typeof model?.name !== "string") return "–";
  const dimension = typeof model.dimension === "number" ? `, ${count(model.dimension)} dimensions` : "";
  return `${model.name}${dimension}${model.ready === false ? ", loading" : ""}`;
}

/**
 * @param {any} index
 * @param {any} disk
 */
function indexOf(index, disk) {
  if (typeof index?.size !== "number") return "–";
  const recall = typeof index.recall === "number" ? `${(100 * index.recall).toFixed(1).replace(/\.0$/, "")} %` : "";
  const each = disk?.index && index.size ? Math.round(disk.index / index.size) : 0;
  return [
    `${count(index.size)} vectors`,
    index.kind === "exact" ? "compared exactly" : index.kind ? `${index.kind}` : "",
    recall && index.kind !== "exact" ? `finds ${recall} of the ten nearest` : "",
    index.training ? "training" : "",
    each ? `${count(each)} bytes a vector on the disk` : "",
  ]
    .filter(Boolean)
    .join(" · ");
}

/**
 * @param {any} index
 * @param {number} now  seconds since the epoch
 */
function snapshotOf(index, now) {
  const at = index?.last_snapshot_at;
  const saved = typeof at === "string" ? Date.parse(at) / 1000 : at;
  return typeof saved === "number" && saved > 0 ? ago(saved, now) : "none yet";
}

/**
 * @param {ParentNode} page
 * @param {any} disk
 */
function showDisk(page, disk) {
  const known = typeof disk?.free === "number" && disk.total > 0;
  part(page, "#disk").hidden = !known;
  if (!known) return;
  const little = disk.free < LITTLE * disk.total || disk.free < LEAST;
  part(page, "#disk").classList.toggle("little", little);
  tell(page, '[data-fact="free"]', `${bytes(disk.free)} free of ${bytes(disk.total)}`);
  for (const name of PARTS) tell(page, `[data-disk="${name}"]`, bytes(disk[name] ?? 0));
  const ours = PARTS.reduce((sum, name) => sum + (disk[name] ?? 0), 0);
  const others = Math.max(0, disk.total - disk.free - ours);
  for (const [name, size] of /** @type {[string, number][]} */ ([["ours", ours], ["others", others]])) {
    part(page, `.disk-${name}`).style.width = `${(100 * size) / disk.total}%`;
  }
}
