// @ts-check
/** Asking: joins the box, the chips, the filters, the trail and each picture's own buttons with the gallery. */

import { part, tell } from "../dom.js";
import { counted } from "../format.js";
import { readImages } from "../images.js";
import { answersOf, pageOf, partsOf, placeOfParts } from "../places.js";
import { askAhead } from "./answers.js";
import { Asked } from "./asked.js";
import { Box } from "./box.js";
import { FilterPanel } from "./filter_panel.js";
import { anyFilter, changed, describe } from "./filters.js";
import { learn, recall, remember } from "./known.js";
import { asksForSomething, partOf, partOfText, withPart } from "./parts.js";
import { keep } from "./pictures.js";
import { Tools } from "./tools.js";
import { ownPicture } from "./transfer.js";
import { Trail } from "./trail.js";

/** @typedef {import("../gallery.js").Gallery} Gallery */
/** @typedef {import("../places.js").Place} Place */
/** @typedef {import("./parts.js").Part} Part */

/**
 * @param {Gallery} gallery  not started yet
 * @param {any} config       the page's data
 * @returns {{tell: () => void}} to be called whenever there may be something else to tell
 */
export function startAsking(gallery, config) {
  const page = document.body;
  const [width] = config.thumbnail_widths;
  for (const image of readImages(config.known)) remember(image);

  const box = new Box(page, width);
  const asked = new Asked(part(page, "#asked"), part(page, "#chip"), width);
  const filters = new FilterPanel(part(page, "#filters"));
  const trail = new Trail(part(page, "#trail"), part(page, "#step"), width);
  const imageOf = (/** @type {Element | null} */ element) => gallery.view.grid.pictures.at(gallery.wall.indexOf(element));
  const tools = new Tools(gallery.wall.element, imageOf, part(page, "#tools"), part(page, "#tray"), part(page, "#picked-one"), width);

  /** The place whose pictures are still to be learned of is asked about once. */
  let learning = "";

  /**
   * @param {Place} place
   * @param {{instead?: boolean, stay?: boolean}} [how]  `stay`: the focus is where the question is changed
   */
  function visit(place, { instead = false, stay = false } = {}) {
    gallery.go(place, { question: place.kind === "similar" ? recall(place.id) : null, instead, stay });
    if (!stay && place.kind !== "similar") asked.focus();
  }

  /** @param {Part[]} parts  added to what is asked */
  function add(parts) {
    const { place } = gallery.view;
    const all = parts.reduce(withPart, partsOf(place));
    if (asksForSomething(all)) visit(placeOfParts(all, place.filters));
  }

  /** @param {Part | null} asking  in place of what is asked */
  function askFor(asking) {
    if (asking) visit(placeOfParts([asking], gallery.view.place.filters));
  }

  /** @param {Part | null} part */
  const known = (part) => {
    const id = part?.kind === "url" ? ownPicture(part.value, location.origin) : 0;
    return id ? partOf("id", id) : part;
  };

  box.ontext = (text, adding) => {
    const typed = known(partOfText(text));
    box.field.blur();
    if (typed && adding) add([typed]);
    else askFor(typed);
  };
  box.onchoice = ({ kind, value, id }) => {
    const { place } = gallery.view;
    if (kind === "creator") visit({ kind: "random", seed: null, filters: changed(place.filters, { creator: value }) });
    else if (kind === "title" && id) visit({ kind: "similar", id, filters: place.filters });
    else if (kind === "title") askFor(partOf("text", value));
    else add([partOf("text", value, { away: kind === "less" })]);
  };
  box.onpicture = async (file, adding) => {
    const own = partOf("own", await keep(file));
    if (adding) add([own]);
    else askFor(own);
  };
  asked.onchange = (place) => visit(place, { stay: true });
  filters.onchange = (wanted, instead) => visit({ ...gallery.view.place, filters: wanted }, { instead, stay: true });
  tools.addressOf = ({ id }) => pageOf({ kind: "similar", id, filters: gallery.view.place.filters });
  tools.onlikely = ({ id }) => {
    askAhead(answersOf({ kind: "similar", id, filters: gallery.view.place.filters }, gallery.pageSize), width);
  };
  gallery.wall.listeners.add((tile, id) => tools.mark(tile, id));
  tools.onask = (images, away) => {
    images.forEach(remember);
    add(images.map(({ id }) => partOf("id", id, { away })));
  };

  gallery.onshow = ({ place }, entry) => {
    const parts = partsOf(place);
    const texts = parts.filter(({ kind, away }) => (kind === "text" || kind === "url") && !away);
    box.show(texts.length === 1 && parts.length === 1 ? texts[0].value : "");
    box.asking = tools.asking = parts.length > 0;
    asked.show(place);
    filters.show(place.filters ?? {}, describe(place.filters).length);
    trail.show(place, entry);
    const unknown = parts.filter(({ kind, value }) => kind === "id" && !recall(Number(value))).map(({ value }) => Number(value));
    if (place.kind !== "search" || unknown.length === 0 || learning === pageOf(place)) return;
    learning = pageOf(place);
    learn(unknown).then((any) => any && gallery.view.place === place && gallery.present());
  };

  return {
    tell() {
      const { place, feed, grid } = gallery.view;
      const none = feed.state === "ended" && grid.count === 0;
      asked.told({ used: grid.count > 0 ? feed.used : [], total: feed.state === "loading" ? null : feed.total });
      const passing = anyFilter(place.filters) && feed.total !== null ? counted(feed.total, "picture") : "";
      filters.told(feed.state === "loading" ? "" : passing);
      part(page, "#none").hidden = !(none && (anyFilter(place.filters) || place.kind === "search"));
      tell(page, "#none-why", anyFilter(place.filters) ? "No picture passes all of these filters." : "Nothing is found by these words.");
      const out = part(page, "#none-out");
      out.textContent = anyFilter(place.filters) ? "Look without filters" : "See all pictures";
      out.setAttribute("href", anyFilter(place.filters) ? pageOf({ ...place, filters: {} }) : "/");
      const why = place.kind === "similar" || place.kind === "random" ? "" : feed.error;
      tell(page, "#gone-why", why || "This picture is no longer in the collection.");
    },
  };
}
