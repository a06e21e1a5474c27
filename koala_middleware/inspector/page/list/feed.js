// @ts-check
// What arrives, as server-sent events; it connects again by itself, and misses nothing.

const RETRY = 1000; // ms

export class Feed {
  /** @type {EventSource | null} */
  #source = null;
  #timer = 0;
  #filter = null;
  #seen = 0; // the newest event's id

  constructor({ onEvents, onCleared, onState }) {
    this.onEvents = onEvents;
    this.onCleared = onCleared;
    this.onState = onState;
    addEventListener("pagehide", () => this.#close());
    // A page that the browser kept for "back" has missed what arrived since.
    addEventListener("pageshow", (shown) => shown.persisted && this.#connect());
    // A browser keeps six connections to a server: some tabs more, and none would get an answer.
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.#close();
      else this.#connect();
    });
  }

  open(filter, after) {
    this.#filter = filter;
    this.#seen = after;
    this.#connect();
  }

  #connect() {
    this.#close();
    if (!this.#filter || document.hidden) return;
    const query = new URLSearchParams({ ...this.#filter, after: this.#seen });
    const source = new EventSource(`/api/stream?${query}`);
    this.#source = source;
    source.onopen = () => this.onState("live");
    source.addEventListener("events", (message) => {
      const events = JSON.parse(message.data);
      this.#seen = events.at(-1).id;
      this.onEvents(events);
    });
    source.addEventListener("cleared", () => this.onCleared());
    // Not left to the browser: some give up after an answer that is not a stream.
    source.onerror = () => {
      this.#close();
      this.onState("lost");
      this.#timer = setTimeout(() => this.#connect(), RETRY);
    };
  }

  #close() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }
}
