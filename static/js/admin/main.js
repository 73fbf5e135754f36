// @ts-check
/** The admin page: signing in, adding sources, and figures that stay fresh without a reload. */

import { ApiError, call } from "../api.js";
import { backoff } from "../backoff.js";
import { part, seldom, tell } from "../dom.js";
import { Live } from "../live.js";
import { Failures } from "./failures.js";
import { Seeds } from "./seeds.js";
import { showTotals } from "./totals.js";

const EVERY = 1_500;

const page = document.body;
const seeds = new Seeds(part(page, "#seeds"), part(page, "#seed"));
const failures = new Failures(part(page, "#failures"), part(page, "#failure"));
const live = new Live("/api/events");

/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
let asking = false;
let lost = 0;

/** @param {boolean} signedIn */
function enter(signedIn) {
  const moved = part(page, "#desk").hidden === signedIn;
  part(page, "#door").hidden = signedIn;
  part(page, "#desk").hidden = !signedIn;
  part(page, "#sign-out").hidden = !signedIn;
  clearTimeout(timer);
  if (signedIn) refresh();
  if (moved) part(page, signedIn ? "#source" : "#token").focus();
}

/** Ask for everything anew, then again in a while. */
async function refresh() {
  clearTimeout(timer);
  if (asking || document.hidden) return;
  asking = true;
  try {
    const [seedList, failureList, stats] = await Promise.all([
      call("/api/admin/seeds"),
      call("/api/admin/failures"),
      call("/api/stats"),
    ]);
    lost = 0;
    seeds.show(seedList.results);
    failures.show(failureList.results);
    part(page, "#no-seeds").hidden = seedList.results.length > 0;
    part(page, "#no-failures").hidden = failureList.results.length > 0;
    showTotals(page, stats);
  } catch (error) {
    lost += 1;
    refused(error);
  } finally {
    asking = false;
  }
  part(page, "#offline").hidden = lost < 2;
  if (!part(page, "#desk").hidden) timer = setTimeout(refresh, lost ? backoff(lost) : EVERY);
}

/** @param {unknown} error */
function refused(error) {
  if (error instanceof ApiError && error.status === 401) enter(false);
}

/**
 * @param {HTMLFormElement} form
 * @param {string} said            where a refusal is shown
 * @param {() => Promise<void>} act
 */
function onSubmit(form, said, act) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = part(form, '[type="submit"]');
    button.disabled = true;
    tell(page, said, "");
    try {
      await act();
    } catch (error) {
      tell(page, said, error instanceof ApiError ? sentence(error.message) : "The server cannot be reached. Please try again.");
      if (form.id !== "sign-in") refused(error);
    } finally {
      button.disabled = false;
    }
  });
}

async function signIn() {
  const token = part(page, "#token");
  await call("/admin/session", { method: "POST", body: { token: token.value } });
  token.value = "";
  enter(true);
}

async function signOut() {
  await call("/admin/session", { method: "DELETE" });
  enter(false);
}

async function add() {
  const source = part(page, "#source");
  const kind = part(page, "#kind");
  await call("/api/admin/seeds", { method: "POST", body: { source: source.value.trim(), kind: kind.value || null } });
  source.value = "";
  kind.value = "";
  source.focus();
  refresh();
}

async function snapshot() {
  const button = part(page, "#snapshot");
  button.disabled = true;
  tell(page, "#snapshot-said", "Writing…");
  try {
    await call("/api/admin/snapshot", { method: "POST" });
    tell(page, "#snapshot-said", "Written.");
    refresh();
  } catch (error) {
    tell(page, "#snapshot-said", error instanceof Error ? sentence(error.message) : "");
    refused(error);
  } finally {
    button.disabled = false;
  }
}

/** @param {string} text */
function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

onSubmit(part(page, "#sign-in"), "#sign-in-error", signIn);
onSubmit(part(page, "#add"), "#add-error", add);
part(page, "#sign-out").addEventListener("click", () => signOut().catch(refused));
part(page, "#snapshot").addEventListener("click", snapshot);
seeds.onerror = refused;
failures.onerror = refused;

/** @type {Record<string, unknown>} */
let latest = {};
const showLatest = seldom(() => showTotals(page, latest), 250);
live.onstats = (stats) => {
  latest = stats;
  showLatest();
};
/** A hidden page asks for nothing. */
function attend() {
  if (document.hidden) {
    live.close();
  } else {
    live.open();
    if (!part(page, "#desk").hidden) refresh();
  }
}

document.addEventListener("visibilitychange", attend);
enter(!part(page, "#desk").hidden);
attend();
