// @ts-check
/** The admin page: puts its parts together, and keeps their figures fresh without a reload. */

import { call } from "../api.js";
import { part, seldom, tell } from "../dom.js";
import { Live } from "../live.js";
import { Add } from "./add.js";
import { Blocks } from "./blocks.js";
import { busy } from "./busy.js";
import { Failures } from "./failures.js";
import { Hosts } from "./hosts.js";
import { showMachine } from "./machine.js";
import { showMoving } from "./moving.js";
import { Poll } from "./poll.js";
import { Removal } from "./removal.js";
import { Seeds } from "./seeds.js";
import { Session } from "./session.js";
import { Stages } from "./stages.js";
import { PATIENT, trouble } from "./trouble.js";

const SEEDS_EVERY = 1_500;
const HOSTS_EVERY = 2_500;
const BLOCKS_EVERY = 30_000;
const SECOND = 1_000;
const LONGEST_BLANK = 2_000;

const page = document.body;
const at = (/** @type {string} */ selector) => part(page, selector);

const session = new Session(page);
const add = new Add(at("#add"));
const seeds = new Seeds(at("#seeds"), at("#seed"), at("#seed-pages"), at("#seed-state"));
const stages = new Stages(at("#stages"), at("#stage"), at("#verdict"));
const hosts = new Hosts(at("#hosts"), at("#host"));
const failures = new Failures(at("#failures"), at("#failure"));
const removal = new Removal(at("#find"), at("#sheet"));
const blocks = new Blocks(at("#block"), at("#blocked"), at("#blocks"), at("#more-blocks"));
const live = new Live("/api/events");

/** @type {Record<string, any>} */
let latest = {};
let away = false;
/** @type {(value?: unknown) => void} */
let toldStats = () => {};

const polls = [
  new Poll(async () => {
    const { address } = seeds;
    const [found, failed] = await Promise.all([call(address), call("/api/admin/failures")]);
    if (address === seeds.address) seeds.show(found);
    failures.show(failed.results);
    at("#no-seeds").hidden = found.total > 0 || at("#seed-state").value !== "";
    at("#no-failures").hidden = failed.results.length > 0;
  }, SEEDS_EVERY),
  new Poll(async () => {
    const { results } = await call("/api/admin/hosts?limit=12");
    hosts.show(results);
    at("#no-hosts").hidden = results.length > 0;
  }, HOSTS_EVERY),
  new Poll(() => blocks.refresh(), BLOCKS_EVERY),
];

/** Tell who cannot see what a click has done; the words go again, so that the same ones are told twice. */
const forget = seldom(() => tell(page, "#said", ""), 5 * SECOND);
/** @param {string} words */
function said(words) {
  tell(page, "#said", words);
  forget();
  polls[0].now();
}

function tellConnection() {
  at("#offline").hidden = !(away || polls.some((poll) => poll.lost > 1));
}

/** @param {unknown} error */
function refused(error) {
  session.refused(error);
  tellConnection();
}

async function snapshot() {
  tell(page, "#snapshot-said", "Writing…");
  try {
    await call("/api/admin/snapshot", { method: "POST", longest: PATIENT });
    tell(page, "#snapshot-said", "Written.");
  } catch (error) {
    tell(page, "#snapshot-said", trouble(error));
    refused(error);
  }
}

/** @type {ReturnType<typeof setInterval> | undefined} */
let second;

/** Show everything at once when it is known, so that nothing jumps; what takes too long comes later. */
async function unveil() {
  const stats = new Promise((resolve) => (toldStats = resolve));
  const patience = new Promise((resolve) => setTimeout(resolve, LONGEST_BLANK));
  await Promise.race([patience, Promise.all([stats, ...polls.map((poll) => poll.now())])]);
  if (!session.signedIn || at("#desk").classList.contains("ready")) return;
  at("#desk").classList.add("ready");
  if (session.fresh) at("#source").focus({ preventScroll: true });
}

/** A hidden page asks for nothing. */
function attend() {
  clearInterval(second);
  live.close();
  const looking = session.signedIn && !document.hidden;
  for (const poll of polls) {
    if (looking) poll.start();
    else poll.stop();
  }
  if (!session.signedIn) at("#desk").classList.remove("ready");
  if (!looking) return;
  live.open();
  unveil();
  second = setInterval(() => {
    stages.show(latest.stages ?? {});
    tellConnection();
  }, SECOND);
}

for (const room of [add, seeds, failures, removal, blocks, ...polls]) room.onerror = refused;
add.known = (/** @type {string} */ source, /** @type {string} */ kind) => seeds.find(source, kind);
add.onadded = () => said("Added.");
seeds.ondone = said;
seeds.onturn = async () => {
  await polls[0].now();
  polls[0].now(); // the answer that was under way is of the page before
};
failures.ondone = said;
removal.ondone = () => blocks.refresh();
blocks.ondone = said;
at("#snapshot").addEventListener("click", () => busy(at("#snapshot"), snapshot));

const showPictures = seldom(() => seeds.showNewest(), SECOND);
live.onimage = (/** @type {unknown} */ image) => {
  seeds.newest.add(image);
  showPictures();
};
live.onremoved = (/** @type {{id?: unknown}} */ { id }) => {
  seeds.newest.remove(id);
  showPictures();
};
live.onstats = (/** @type {Record<string, any>} */ stats) => {
  const first = !latest.stages;
  latest = stats;
  showMachine(page, stats);
  showMoving(page, stats.reembedding);
  if (first) stages.show(latest.stages ?? {});
  toldStats();
};
live.onconnection = (/** @type {boolean} */ connected) => {
  away = !connected;
  tellConnection();
};

document.addEventListener("visibilitychange", attend);
session.onchange = attend;
session.enter(session.signedIn);
