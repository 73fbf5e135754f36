// @ts-check
/** The tiles that are in the page, by the index of their picture. */

export class Hung {
  /** @type {Map<number, HTMLLIElement>} in no order */
  #tiles = new Map();

  /** @param {number} index */
  at(index) {
    return this.#tiles.get(index);
  }

  /** @param {number} index */
  has(index) {
    return this.#tiles.has(index);
  }

  /** @returns {IterableIterator<[number, HTMLLIElement]>} */
  [Symbol.iterator]() {
    return this.#tiles.entries();
  }

  /**
   * @param {number} index
   * @param {HTMLLIElement} tile
   */
  set(index, tile) {
    this.#tiles.set(index, tile);
  }

  /** @param {number} index */
  delete(index) {
    this.#tiles.delete(index);
  }

  clear() {
    this.#tiles.clear();
  }

  /**
   * A picture is taken out of the list: those behind it move up.
   *
   * @param {number} index
   * @returns {HTMLLIElement | undefined} its tile, which is no longer among the others
   */
  drop(index) {
    const dropped = this.#tiles.get(index);
    const kept = [...this.#tiles].filter(([other]) => other !== index);
    this.#tiles = new Map(kept.map(([other, tile]) => [other > index ? other - 1 : other, tile]));
    return dropped;
  }

  /**
   * @param {Element | null} element
   * @returns {number} the index of the picture it is in, or -1
   */
  indexOf(element) {
    const tile = element?.closest("li");
    if (tile) for (const [index, other] of this.#tiles) if (other === tile) return index;
    return -1;
  }

  /**
   * @param {number} index
   * @returns {number} the first picture from this one on that has a tile; Infinity when there is none
   */
  nextFrom(index) {
    if (this.#tiles.has(index)) return index;
    let nearest = Infinity;
    for (const other of this.#tiles.keys()) if (other > index && other < nearest) nearest = other;
    return nearest;
  }
}
