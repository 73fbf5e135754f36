// @ts-check
/** What the viewer walks along, in its order. */

/** @typedef {import("../gallery.js").Gallery} Gallery */
/** @typedef {import("../images.js").DetailedImage} DetailedImage */

/**
 * @typedef {object} Sequence
 * @property {() => number} count
 * @property {(id: number) => number} indexOf                      -1 when it is not among them
 * @property {(index: number) => number} idAt                      of one that is there
 * @property {(id: number) => DetailedImage | undefined} recall    what is known of it here
 * @property {() => Promise<unknown>} more                         fetch on, if there is more
 * @property {(id: number) => void} focus                          show where it is, after the viewer has closed
 */

const LOOK_AGAIN = 50;

/**
 * The wall: the question's picture first, where there is one, then the wall's order.
 *
 * @param {Gallery} gallery
 * @returns {Sequence}
 */
export function alongTheWall(gallery) {
  const before = () => (gallery.view.question ? 1 : 0);
  const isQuestion = (/** @type {number} */ id) => gallery.view.question?.id === id;
  return {
    count: () => before() + gallery.view.grid.count,
    indexOf: (id) => {
      const index = isQuestion(id) ? -1 : gallery.view.grid.pictures.indexOf(id);
      return isQuestion(id) || index >= 0 ? index + before() : -1;
    },
    idAt: (index) => (index < before() ? (gallery.view.question?.id ?? 0) : gallery.view.grid.pictures.id(index - before())),
    recall: (id) => (isQuestion(id) ? gallery.view.question : null) ?? gallery.view.grid.pictures.recall(id),
    more: async () => {
      const { feed } = gallery.view;
      await feed.load();
      // One that was under way already: its end is not told to who comes second.
      while (feed.state === "loading") await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN));
    },
    focus: (id) => {
      const index = gallery.view.grid.pictures.indexOf(id);
      if (index >= 0) gallery.wall.focus(index);
    },
  };
}

/**
 * A list that is all there.
 *
 * @param {() => readonly DetailedImage[]} images
 * @param {(id: number) => void} focus
 * @returns {Sequence}
 */
export function alongList(images, focus) {
  return {
    count: () => images().length,
    indexOf: (id) => images().findIndex((image) => image.id === id),
    idAt: (index) => images()[index].id,
    recall: (id) => images().find((image) => image.id === id),
    more: async () => {},
    focus,
  };
}
