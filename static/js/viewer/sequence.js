// @ts-check
/** The wall as the viewer walks along it: the question's picture first, where there is one, then the wall's order. */

/** @typedef {import("../gallery.js").Gallery} Gallery */

const LOOK_AGAIN = 50;

/**
 * @param {Gallery} gallery
 * @returns {import("./viewer.js").Sequence}
 */
export function alongTheWall(gallery) {
  return {
    images: () => {
      const { question, grid } = gallery.view;
      return question ? [question, ...grid.images] : grid.images;
    },
    more: async () => {
      const { feed } = gallery.view;
      await feed.load();
      // One that was under way already: its end is not told to who comes second.
      while (feed.state === "loading") await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN));
    },
    focus: (id) => {
      const index = gallery.view.grid.images.findIndex((image) => image.id === id);
      if (index >= 0) gallery.wall.focus(index);
    },
  };
}
