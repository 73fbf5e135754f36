// @ts-check
/**
 * What comes in while somebody looks: hung at the end of a view, or only counted.
 *
 * A view of the whole collection grows from its own end. While the visitor has not come to the collection's end,
 * arrivals are counted and offered; there, they are hung below what hangs already, a full row at a time. A row that
 * stays unfinished is shown once nothing more seems to come. Views of similar pictures do not grow.
 */

/** @typedef {import("./arrivals.js").Arrivals} Arrivals */
/** @typedef {import("./views.js").View} View */
/** @typedef {import("./wall.js").Wall} Wall */

const QUIET = 2_000;
const WALKED_AGAIN = 600;

export class Growth {
  /** @type {() => void} called when there is more to see or to tell */
  onchange = () => {};
  // As if something had just come in, until it is known whether the collection grows.
  #lastArrival = performance.now();
  #knowsPace = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #settling;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #comparing;
  /** Of the collection, as the server last told. */
  #size = 0;
  /** The size for which the answers were last walked again. */
  #walkedAt = 0;

  /**
   * @param {Arrivals} arrivals
   * @param {Wall} wall
   * @param {View} view  the one on the wall
   */
  constructor(arrivals, wall, view) {
    this.arrivals = arrivals;
    this.wall = wall;
    this.view = view;
  }

  /** How many pictures have come in that the view does not show. */
  get fresh() {
    const { view } = this;
    return view.isWhole ? view.missed + this.arrivals.count - view.mark : 0;
  }

  /** @param {View} view  the one on the wall from now on */
  follow(view) {
    clearTimeout(this.#settling);
    this.view = view;
    if (view.mark < 0) view.mark = this.arrivals.count;
  }

  /** Pictures have come in, and are in `arrivals`. */
  arrived() {
    this.#lastArrival = performance.now();
    this.settle();
    this.onchange();
  }

  /**
   * The server has told how it stands.
   *
   * @param {import("./live.js").Stats} stats
   */
  observe({ images, rate }) {
    if (!this.#knowsPace && !rate) {
      this.#lastArrival = -Infinity;
      this.settle();
    }
    this.#knowsPace = true;
    if (typeof images === "number") this.#size = images;
    this.#compare();
  }

  /** The visitor has come near the end. */
  catchUp() {
    if (this.#belongsHere && this.arrivals.count > this.view.mark) this.settle();
  }

  /** At the end of the view: hang what has come in, and show an unfinished row when its time has come. */
  settle() {
    clearTimeout(this.#settling);
    const { view, wall } = this;
    if (view.feed.state !== "ended") return;
    if (this.#belongsHere && wall.nearEnd) this.#hang();
    if (view.grid.placed === view.grid.count) return;
    const patience = view.isWhole ? QUIET - (performance.now() - this.#lastArrival) : 0;
    if (patience > 0) {
      this.#settling = setTimeout(() => this.settle(), patience);
    } else {
      view.grid.flush();
      wall.refresh();
      this.onchange();
    }
  }

  /** Whether arrivals belong at the end of the view. */
  get #belongsHere() {
    return this.view.isWhole && this.view.feed.state === "ended";
  }

  #hang() {
    const { view, arrivals } = this;
    const { images, missed } = arrivals.since(view.mark);
    view.mark = arrivals.count;
    view.missed += missed;
    const unknown = view.feed.admit(images);
    if (unknown.length === 0) return;
    view.grid.add(unknown);
    this.wall.refresh();
  }

  /** Arrivals can be missed while the stream of events is away: the size of the collection tells. */
  get #unseen() {
    const { view } = this;
    if (!this.#belongsHere) return 0;
    return this.#size - view.grid.count - (this.arrivals.count - view.mark) - view.missed;
  }

  /** The counter may only be a moment ahead of the events: look again before doing anything. */
  #compare() {
    if (this.#unseen <= 0) return;
    this.#comparing ??= setTimeout(() => {
      this.#comparing = undefined;
      if (this.#unseen > 0) this.#walkAgain();
    }, QUIET);
  }

  #walkAgain() {
    const { view } = this;
    if (this.#size > WALKED_AGAIN) view.missed += this.#unseen;
    else if (this.#size !== this.#walkedAt) view.feed.rewind();
    this.#walkedAt = this.#size;
    this.onchange();
  }
}
