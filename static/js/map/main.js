// @ts-check
/** The map's page: joins canvas, gestures, the card, the list and the server. */

import { part, seldom, tell } from "../dom.js";
import { count, counted, percent } from "../format.js";
import { Canvas } from "./canvas.js";
import { Card } from "./card.js";
import { listen } from "./gestures.js";
import { LISTED, List } from "./list.js";
import { Names } from "./names.js";
import { Source } from "./source.js";
import { Thumbs } from "./thumbs.js";
import { WHOLE, blended, hashOf, panned, scaleOf, toScreen, viewOf, zoomed } from "./view.js";

/** @typedef {import("./view.js").View} View */

const MOVE = 260; // milliseconds that a move by key or button takes
const REST = 250; // of the view, before its address and list are brought up to it
const NEAR_MOUSE = 14;
const NEAR_FINGER = 26;
const BITMAP = 256;

const page = document.body;
const widths = String(part(page, "#map").dataset.widths).split(",").map(Number);
const stillness = matchMedia("(prefers-reduced-motion: reduce)");
const names = new Names();
const stage = part(page, "#map");
const canvas = new Canvas(part(page, "#canvas"), new Thumbs(widths[0], BITMAP), () => stillness.matches);
const card = new Card(part(page, "#card"), names, widths[0]);
const list = new List(part(page, "#listed"), part(page, "#listed-item"), names, widths[0]);
const source = new Source();

let moving = 0;
/** @type {View} where a move by key or button leads */
let goal = WHOLE;
let byKeys = false;

/** @param {View} view */
function look(view) {
  canvas.view = view;
  canvas.change();
  rested();
}

/** @param {View} view  at once, as a hand moves it */
function drag(view) {
  cancelAnimationFrame(moving);
  byKeys = false;
  unmark();
  goal = view;
  look(view);
}

/** @param {View} view  in a glide, where motion is welcome */
function glide(view) {
  cancelAnimationFrame(moving);
  unmark();
  goal = view;
  if (stillness.matches) {
    look(view);
    return;
  }
  const from = canvas.view;
  const start = performance.now();
  const step = (/** @type {number} */ now) => {
    const share = Math.min(1, Math.max(0, (now - start) / MOVE));
    look(share < 1 ? blended(from, view, share) : view);
    if (share < 1) moving = requestAnimationFrame(step);
  };
  moving = requestAnimationFrame(step);
}

/** The view rests: its address is the page's, and what is in the middle is told. */
const rested = seldom(() => {
  const hash = hashOf(canvas.view);
  if (location.hash !== hash) history.replaceState(history.state, "", hash);
  if (!part(page, "#panel").hidden) listMiddle();
  if (byKeys && document.activeElement === stage) markMiddle();
}, REST);

/** @param {number} most */
function middle(most) {
  const { view, size, points } = canvas;
  const within = Math.hypot(size.width, size.height) / 2 / scaleOf(view.zoom, size);
  const nearby = (/** @type {number} */ reach) => points.nearby(view.x, view.y, Math.min(within, reach), most);
  const close = nearby(4 * points.spacing * Math.sqrt(most));
  return close.length === most ? close : nearby(within);
}

function listMiddle() {
  list.show(middle(LISTED).map((index) => canvas.points.ids[index]));
}

/** By keys: the picture in the middle is the one that Enter opens. */
async function markMiddle() {
  const [index = -1] = middle(1);
  mark(index);
  if (index >= 0) tell(page, "#spoken", await showCard(index));
}

/** @param {number} index */
function mark(index) {
  if (canvas.marked === index) return;
  canvas.marked = index;
  canvas.change();
}

function unmark() {
  mark(-1);
  card.hide();
}

/** @param {number} index */
function showCard(index) {
  const { points, view, size } = canvas;
  const picture = canvas.pictures.find((one) => one.index === index);
  const { x, y } = toScreen(view, size, picture?.x ?? points.xs[index], picture?.y ?? points.ys[index]);
  const aside = picture ? canvas.square / 2 - 10 : 0;
  return card.show(points.ids[index], x + aside, y, size);
}

/**
 * To the wall, with the picture as the question.
 *
 * @param {number} index
 * @param {boolean} [apart]  in a tab of its own
 */
function open(index, apart = false) {
  if (index < 0) return;
  const address = `/similar/${canvas.points.ids[index]}`;
  if (apart) {
    window.open(address, "_blank", "noopener");
    return;
  }
  history.replaceState(history.state, "", hashOf(canvas.view));
  location.assign(address);
}

listen(stage, {
  pan: (dx, dy) => drag(panned(canvas.view, canvas.size, dx, dy)),
  zoom: (steps, x, y) => drag(zoomed(canvas.view, canvas.size, steps, x, y)),
  step: (dx, dy) => {
    byKeys = true;
    glide(panned(goal, canvas.size, -dx * canvas.size.width, -dy * canvas.size.height));
  },
  stepZoom: (steps) => {
    byKeys = true;
    glide(zoomed(goal, canvas.size, steps, canvas.size.width / 2, canvas.size.height / 2));
  },
  whole: () => glide(WHOLE),
  press: (x, y, event) => {
    const touch = event.pointerType === "touch";
    const index = canvas.at(x, y, touch ? NEAR_FINGER : NEAR_MOUSE);
    if (index < 0) {
      unmark();
      return;
    }
    // A finger cannot hover: on a dot it first shows what that is.
    const seen = card.id === canvas.points.ids[index] || canvas.isPicture(index);
    if (!touch || seen) {
      open(index, event.button === 1 || event.ctrlKey || event.metaKey);
      return;
    }
    mark(index);
    showCard(index);
  },
  hover: (x, y) => {
    const index = canvas.at(x, y, NEAR_MOUSE);
    stage.classList.toggle("on-picture", index >= 0);
    if (index < 0) unmark();
    else if (index !== canvas.marked) {
      mark(index);
      showCard(index);
    }
  },
  leave: () => !byKeys && unmark(),
  open: () => open(canvas.marked >= 0 ? canvas.marked : (middle(1)[0] ?? -1)),
});

stage.addEventListener("focus", () => {
  byKeys = stage.matches(":focus-visible");
  if (byKeys) markMiddle();
});
stage.addEventListener("blur", unmark);
part(page, "#nearer").addEventListener("click", () => glide(zoomed(goal, canvas.size, 1, canvas.size.width / 2, canvas.size.height / 2)));
part(page, "#farther").addEventListener("click", () => glide(zoomed(goal, canvas.size, -1, canvas.size.width / 2, canvas.size.height / 2)));
part(page, "#whole").addEventListener("click", () => glide(WHOLE));
part(page, "#list").addEventListener("click", () => {
  const panel = part(page, "#panel");
  panel.hidden = !panel.hidden;
  part(page, "#list").setAttribute("aria-expanded", String(!panel.hidden));
  if (!panel.hidden) listMiddle();
});

addEventListener("hashchange", () => {
  const view = viewOf(location.hash);
  if (view && location.hash !== hashOf(canvas.view)) drag(view);
});

new ResizeObserver(() => canvas.measure()).observe(canvas.element);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => canvas.measure());

source.onpoints = (points) => {
  const marked = canvas.marked >= 0 ? canvas.points.ids[canvas.marked] : 0;
  canvas.show(points);
  canvas.marked = marked ? points.ids.indexOf(marked) : -1;
  if (canvas.marked < 0) card.hide();
  rested();
};
source.onstatus = (status) => {
  const computing = status.progress !== null || status.state === "computing";
  part(page, "#waiting").hidden = status.state !== "computing";
  part(page, "#empty").hidden = status.state !== "empty";
  part(page, "#tools").hidden = status.state !== "ready";
  tell(page, "#percent", percent(status.progress ?? 0));
  part(page, "#bar").value = status.progress ?? 0;
  const all = counted(status.images, "picture");
  const shown = status.layout === 0 || status.points >= status.images ? all : `${count(status.points)} of ${all}`;
  tell(page, "#counter", computing && status.layout > 0 ? `${shown} · a new map is being laid out` : shown);
  stage.setAttribute("aria-label", `Map of ${shown}, laid out by likeness`);
};
source.onconnection = (connected) => (part(page, "#offline").hidden = connected);

goal = viewOf(location.hash) ?? WHOLE;
canvas.view = goal;
canvas.measure();
source.start();
