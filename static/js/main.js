// @ts-check
/** The gallery's page: joins the wall, the header and the server's events. */

import { Arrivals } from "./arrivals.js";
import { startAsking } from "./ask/start.js";
import { anyFilter } from "./ask/filters.js";
import { sharedStorage } from "./boards/store.js";
import { offerDensity } from "./density_choice.js";
import { isPlain, isTyping, part, seldom, tell } from "./dom.js";
import { count, counted, rate } from "./format.js";
import { Gallery } from "./gallery.js";
import { readImage, readImages } from "./images.js";
import { Live } from "./live.js";
import { freshSeed } from "./places.js";
import { Question } from "./question.js";
import { startLooking } from "./viewer/start.js";
import { Views } from "./views.js";
import { Wall } from "./wall.js";

const COUNTER_EVERY = 250;
const SPOKEN_EVERY = 15_000;

const page = document.body;
const config = JSON.parse(part(page, "#page-data").textContent);
const arrivals = new Arrivals();
const gallery = new Gallery({
  wall: new Wall(part(page, "#wall"), part(page, "#tile"), part(page, "#caption"), config.thumbnail_widths),
  question: new Question(part(page, "#question"), config.thumbnail_widths),
  views: new Views(storage()),
  arrivals,
  pageSize: config.page_size,
  title: config.title,
});
const live = new Live("/api/events");

/** @type {import("./live.js").Stats} */
let stats = { images: config.images };
let connected = true;

function storage() {
  try {
    return sessionStorage;
  } catch {
    return null; // forbidden by the visitor's settings
  }
}

function summary() {
  if (typeof stats.images !== "number") return "";
  return [counted(stats.images, "picture"), rate(stats.rate)].filter(Boolean).join(" · ");
}

function showCounter() {
  tell(page, "#counter", summary());
  part(page, "#offline").hidden = connected;
  const { fresh } = gallery.growth;
  part(page, "#fresh").hidden = fresh === 0;
  if (fresh) tell(page, "#fresh", `+${count(fresh)} new`);
}

function showStatus() {
  const { feed, grid, place } = gallery.view;
  const empty = grid.count === 0;
  const settled = feed.state === "ended";
  part(page, "#loading").hidden = feed.state !== "loading" && feed.state !== "idle";
  part(page, "#failed").hidden = feed.state !== "failed";
  part(page, "#gone").hidden = feed.state !== "gone";
  part(page, "#empty").hidden = !(settled && empty && gallery.view.isWhole);
  part(page, "#alone").hidden = !(settled && empty && place.kind === "similar" && !anyFilter(place.filters));
  part(page, "#end").hidden = !(settled && !empty);
  if (feed.state === "failed") tell(page, "#failed-why", connected ? feed.error : "The server cannot be reached.");
}

const counter = seldom(showCounter, COUNTER_EVERY);
const spoken = seldom(() => tell(page, "#spoken", summary()), SPOKEN_EVERY);

function listen() {
  live.onimage = (value) => {
    const image = readImage(value);
    if (!image) return;
    arrivals.add(image);
    settle();
  };
  live.onremoved = ({ id }) => {
    if (typeof id !== "number") return;
    gallery.remove(id);
    viewer.remove(id);
  };
  live.onstats = (value) => {
    stats = value;
    gallery.growth.observe(value);
    counter();
    spoken();
  };
  live.onconnection = (state) => {
    if (state && gallery.view.feed.state === "failed") gallery.view.feed.load();
    connected = state;
    counter();
    showStatus();
  };
  // A hidden page needs no stream, and browsers open only a few connections to one server over all their pages.
  const attend = () => (document.hidden ? live.close() : live.open());
  document.addEventListener("visibilitychange", attend);
  attend();
}

// Arrivals are hung a few at a time, however fast they come.
const settle = seldom(() => gallery.growth.arrived(), COUNTER_EVERY);

/** On a slow machine all at once would hold up whoever scrolls meanwhile. */
function breath() {
  return new Promise((done) => setTimeout(done));
}

function shuffle() {
  const { place } = gallery.view;
  gallery.go({ kind: "random", seed: freshSeed(), filters: place.kind === "random" ? place.filters : {} });
}

/** The latest pictures first, then the collection in an order of its own. */
function showFresh() {
  const { images } = arrivals.since(gallery.view.mark);
  gallery.go({ kind: "random", seed: freshSeed() }, { images: images.reverse() });
}

/**
 * @param {string} selector
 * @param {() => void} act  instead of following the link
 */
function onPlainClick(selector, act) {
  part(page, selector).addEventListener("click", (/** @type {MouseEvent} */ event) => {
    if (event.button !== 0 || !isPlain(event)) return;
    event.preventDefault();
    act();
  });
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (!isPlain(event) || event.defaultPrevented || isTyping(event.target) || (event.key !== "Escape" && event.key !== "Backspace")) return;
  event.preventDefault();
  gallery.back();
}

const asking = startAsking(gallery, config);
const setDensity = (/** @type {import("./density.js").Density} */ density) => {
  gallery.wall.density = density;
  gallery.fit();
};
offerDensity(part(page, "#density"), sharedStorage(), setDensity, (words) => tell(page, "#spoken", words));
gallery.onchange = () => {
  showCounter();
  showStatus();
  asking.tell();
};
onPlainClick("#home", () => gallery.go({ kind: "random", seed: null }));
onPlainClick("#shuffle", shuffle);
onPlainClick(".skip", () => gallery.wall.focus(gallery.wall.anchor.index));
part(page, "#fresh").addEventListener("click", showFresh);
part(page, "#retry").addEventListener("click", () => gallery.view.feed.load());
addEventListener("keydown", onKey);
addEventListener("online", () => gallery.view.feed.state === "failed" && gallery.view.feed.load());

await breath();
gallery.start({
  question: readImage(config.question),
  images: readImages(config.answer.results),
  first: config.first,
  next: config.answer.next,
  total: config.answer.total ?? null,
  cutoff: config.answer.cutoff ?? null,
  used: config.answer.used ?? [],
});
await breath();
const viewer = startLooking(gallery, config);
part(page, "main").classList.add("laid", "ready");
listen();
