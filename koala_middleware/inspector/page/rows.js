// The rows that are loaded, of all that the filter chooses: a window that grows as it is scrolled,
// up to MOST rows.

import { listEvents } from "./api.js";

export const PAGE = 500;
const MOST = 20_000;
const MOST_HELD = 2_000;

class Rows {
  rows = [];
  complete = false; // nothing follows the last row
  #loading = null;

  constructor(filter) {
    this.filter = filter;
  }

  // One request at a time: null where another is on its way.
  async ask(query) {
    if (this.#loading) return null;
    const loading = new AbortController();
    this.#loading = loading;
    try {
      return await listEvents(this.filter, { limit: PAGE, ...query }, loading.signal);
    } finally {
      if (this.#loading === loading) this.#loading = null;
    }
  }

  forget() {
    this.#loading?.abort();
    this.#loading = null;
  }
}

/** Newest first. What arrives is held until the list takes it. */
export class LiveRows extends Rows {
  newestFirst = true;
  #held = [];
  #lost = 0; // the newest row that is neither loaded nor held, and
  #lostCount = 0;

  async load() {
    this.forget();
    this.#held = [];
    this.#lost = this.#lostCount = 0;
    const found = await this.ask({});
    this.rows = found;
    this.complete = found.length < PAGE;
    this.#dropLoaded();
  }

  get newest() {
    return this.#held.at(-1)?.id ?? this.rows[0]?.id ?? 0;
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

/** Oldest first: what arrives comes last. No more than MOST rows are loaded. */
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
