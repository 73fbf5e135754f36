// @ts-check
/** The collection's figures and the machine's: counts, the stages' queues, the model, the snapshot. */

import { copy, matchList, part, tell } from "../dom.js";
import { ago, count, duration, rate } from "../format.js";

/**
 * @param {ParentNode} page
 * @param {Record<string, any>} stats  as the server sends them; any key may be missing
 */
export function showTotals(page, stats) {
  for (const name of ["images", "pending", "failed", "searchable"]) {
    tell(page, `[data-total="${name}"]`, typeof stats[name] === "number" ? count(stats[name]) : "–");
  }
  tell(page, '[data-total="rate"]', rate(stats.rate).replace("/s", "") || "0");
  tell(page, '[data-fact="model"]', modelOf(stats.model));
  tell(page, '[data-fact="snapshot"]', snapshotOf(stats.index));
  tell(page, '[data-fact="uptime"]', typeof stats.uptime_seconds === "number" ? duration(stats.uptime_seconds) : "–");
  part(page, "#problem").hidden = !stats.problem;
  tell(page, "#problem", stats.problem ? String(stats.problem) : "");
  showStages(page, stats.stages ?? {});
}

/**
 * @param {ParentNode} page
 * @param {Record<string, any>} stages
 */
function showStages(page, stages) {
  const template = part(page, "#stage");
  matchList(
    part(page, "#stages"),
    Object.entries(stages),
    ([name]) => name,
    () => copy(template),
    (row, [name, stage]) => {
      tell(row, '[data-field="name"]', name);
      tell(row, '[data-field="queued"]', count(stage?.queued ?? 0));
      tell(row, '[data-field="active"]', count(stage?.active ?? 0));
      tell(row, '[data-field="rate"]', rate(stage?.rate).replace("/s", "") || "0");
    },
  );
}

/** @param {any} model */
function modelOf(model) {
  if (typeof model === "string") return model;
  if (typeof model?.name !== "string") return "–";
  const dimension = typeof model.dimension === "number" ? `, ${count(model.dimension)} dimensions` : "";
  return `${model.name}${dimension}${model.ready === false ? ", loading" : ""}`;
}

/** @param {any} index */
function snapshotOf(index) {
  const at = index?.last_snapshot_at;
  const seconds = typeof at === "string" ? Date.parse(at) / 1000 : at;
  return typeof seconds === "number" && seconds > 0 ? ago(seconds, Date.now() / 1000) : "none yet";
}
