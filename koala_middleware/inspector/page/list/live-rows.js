// @ts-check
// All events, newest first: what arrives comes on top.

import { MOST, MOST_HELD, PAGE, Rows } from "./rows.js";

/** What arrives is held until the list takes it. */
export class LiveRows extends Rows {
  newestFirst = true;
  #held = [];
  #lost = 0; // the newest row that is neither loaded nor held, and
  #lostCount = 0;

  async load(around = null) {
    this.forget();
    this.#held = [];
    this.#lost = this.#lostCount = 0;
    let below = await this.ask({});
    let above = [];
    if (around !== null && around < below.at(-1)?.id) {
      // Too old for the first page: how many are newer is not known, nor needed.
      this.#lose(below[0].id, Infinity);
      above = (await this.ask({ after: around })).reverse();
      below = await this.ask({ before: around + 1 });
    }
    this.rows = [...above, ...below];
    this.complete = below.length < PAGE;
    if (!this.cut) this.#lostCount = 0;
    this.#dropLoaded();
  }

  get newest() {
    return Math.max(this.#lost, this.#held.at(-1)?.id ?? this.rows[0]?.id ?? 0);
  }

  /** Whether rows are missing between those that are loaded and those that are held. */
  get cut() {
    return this.#lost > (this.rows[0]?.id ?? 0);
  }

  get waiting() {
    return this.#held.length + this.#lostCount;
  }

  arrive(events) {
    this.#held.push(...events);
    const extra = this.#held.length - MOST_HELD;
    if (extra > 0) this.#lose(this.#held.splice(0, extra).at(-1).id, extra);
  }

  take() {
    this.rows.unshift(...this.#held.reverse());
    this.#held = [];
    this.#trimEnd();
  }

  /** Load what follows the last row, and return how many rows went from the top. */
  async following() {
    const found = await this.ask({ before: this.rows.at(-1).id });
    if (!found) return 0;
    this.rows.push(...found);
    this.complete = found.length < PAGE;
    const extra = Math.max(0, this.rows.length - MOST);
    if (extra) this.#lose(this.rows.splice(0, extra)[0].id, extra);
    return extra;
  }

  /** Load what comes before the first row, and return how many rows came. */
  async preceding() {
    const found = await this.ask({ after: this.rows[0].id });
    if (!found) return 0;
    this.rows.unshift(...found.reverse());
    this.#lostCount = this.cut ? Math.max(0, this.#lostCount - found.length) : 0;
    this.#dropLoaded();
    this.#trimEnd();
    return found.length;
  }

  #lose(id, count) {
    this.#lost = Math.max(this.#lost, id);
    this.#lostCount += count;
  }

  #dropLoaded() {
    const newest = this.rows[0]?.id ?? 0;
    this.#held = this.#held.filter((row) => row.id > newest);
  }

  #trimEnd() {
    if (this.rows.length <= MOST) return;
    this.rows.length = MOST;
    this.complete = false;
  }
}
