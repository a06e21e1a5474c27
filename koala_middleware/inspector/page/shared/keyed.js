// @ts-check
// The elements of a list, in the order of its items. An element is made once, and moved only where
// the order has changed: moving it takes its focus, and a click that has begun.

export class Keyed {
  #made = new Map(); // an item's key -> its element

  /** ``keyOf(item)`` is what identifies an item. */
  constructor(parent, keyOf) {
    this.parent = parent;
    this.keyOf = keyOf;
  }

  /**
   * Show some items, and return their elements; ``make(item, index)`` makes one.
   * @returns {HTMLElement[]}
   */
  show(items, make) {
    const keys = items.map(this.keyOf);
    const wanted = new Set(keys);
    for (const [key, made] of this.#made) {
      if (wanted.has(key)) continue;
      made.remove();
      this.#made.delete(key);
    }
    let next = this.parent.firstChild;
    return items.map((item, index) => {
      const made = this.#made.get(keys[index]) ?? make(item, index);
      this.#made.set(keys[index], made);
      if (made === next) next = next.nextSibling;
      else this.parent.insertBefore(made, next);
      return made;
    });
  }
}
