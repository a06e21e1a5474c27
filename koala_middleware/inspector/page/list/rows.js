// @ts-check
// The rows that are loaded, of all that the filter chooses: a window that grows as it is scrolled,
// up to MOST rows.

import { listEvents } from "../shared/api.js";

export const PAGE = 500;
export const MOST = 20_000;
export const MOST_HELD = 2_000;

export class Rows {
  /** @type {import("../shared/types.js").Row[]} */
  rows = [];
  complete = false; // nothing follows the last row
  /** @type {AbortController | null} */
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
