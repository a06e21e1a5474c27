// @ts-check
// One visitor's events, oldest first: what arrives comes last.

import { MOST, MOST_HELD, PAGE, Rows } from "./rows.js";

/** No more than MOST rows are loaded: who scrolls that far is not reading. */
export class VisitorRows extends Rows {
  newestFirst = false;
  cut = false;
  #held = [];

  async load() {
    this.forget();
    this.#held = [];
    this.#add(await this.ask({ after: 0 }), []);
  }

  get newest() {
    return this.rows.at(-1)?.id ?? 0;
  }

  get waiting() {
    return this.#held.length;
  }

  arrive(events) {
    // Where the end is not loaded yet, loading it will bring these, too.
    if (this.complete) this.#held.push(...events);
    if (this.#held.length > MOST_HELD || this.rows.length > MOST) {
      this.#held = [];
      this.complete = false;
    }
  }

  take() {
    const newest = this.newest;
    this.rows.push(...this.#held.filter((row) => row.id > newest));
    this.#held = [];
  }

  async following() {
    const found = this.rows.length < MOST ? await this.ask({ after: this.newest }) : null;
    if (found) this.#add(found, this.rows);
    return 0;
  }

  async preceding() {
    return 0;
  }

  #add(found, before) {
    this.rows = [...before, ...found];
    this.complete = found.length < PAGE;
  }
}
