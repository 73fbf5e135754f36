// @ts-check
/** The boards' page: all of them, one of them, or one that somebody has shared; and the viewer over it. */

import { part } from "../../dom.js";
import { offerHelp } from "../../help.js";
import { inline, readImages } from "../../images.js";
import { viewedAt } from "../../viewer/address.js";
import { openByLinks } from "../../viewer/links.js";
import { alongList } from "../../viewer/sequence.js";
import { Viewer } from "../../viewer/viewer.js";
import { boardOf } from "../model.js";
import { keepFromViewer } from "../start.js";
import { Boards, sharedStorage } from "../store.js";
import { BoardView } from "./board.js";
import { Overview } from "./overview.js";

const page = document.body;
const config = JSON.parse(part(page, "#page-data").textContent);
const widths = config.thumbnail_widths;
const boards = new Boards(sharedStorage());
const overview = new Overview(part(page, "#overview"), part(page, "#board-card"), boards, widths[0]);
const view = new BoardView(part(page, "#board"), boards, { template: part(page, "#kept-one"), widths, said: part(page, "#moved") });
const viewer = new Viewer(
  part(page, "#viewer"),
  alongList(() => view.sequence(viewedAt(location.href)), (id) => view.focus(id)),
  { widths, title: config.title, fullImages: config.full_images },
);
let shown = "";

function showPlace() {
  if (viewedAt(location.href) !== null) return; // the viewer lies over it
  const id = location.hash.slice(1);
  const board = config.shared ? undefined : boardOf(boards.all, id);
  const place = board ? id : "";
  const moved = place !== shown;
  shown = place;
  part(page, "#overview").hidden = Boolean(board || config.shared);
  part(page, "#board").hidden = !(board || config.shared);
  document.title = `${inline(config.shared?.name ?? board?.name) || "Boards"} – ${config.title}`;
  if (board && moved) view.show(id);
  else if (board) view.refresh();
  else if (!config.shared) overview.show();
  if (moved) part(page, board ? "#board-title" : "#boards-title").focus({ preventScroll: true });
}

keepFromViewer(viewer, boards);
const choose = viewer.onshow;
viewer.onshow = (image) => {
  choose(image);
  if (!image && !config.shared) showPlace(); // what was changed from the viewer
};
openByLinks(viewer, ".kept-one");
offerHelp();
addEventListener("hashchange", showPlace);
boards.listeners.add(() => (config.shared ? view.refresh() : showPlace()));
if (config.shared) view.showShared({ name: config.shared.name, images: readImages(config.shared.images) });
else showPlace();
