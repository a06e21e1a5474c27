// What arrives, as server-sent events; it connects again by itself, and misses nothing.

const RETRY = 1000; // ms

export class Feed {
  #source = null;
  #timer = 0;

  constructor({ onEvents, onCleared, onState }) {
    Object.assign(this, { onEvents, onCleared, onState });
    addEventListener("pagehide", () => this.close());
    // A page that the browser kept for "back" has missed what arrived since.
    addEventListener("pageshow", (shown) => shown.persisted && this.onCleared());
  }

  open(filter, after) {
    this.close();
    const source = new EventSource(`/api/stream?${new URLSearchParams({ ...filter, after })}`);
    this.#source = source;
    let seen = after;
    source.onopen = () => this.onState("live");
    source.addEventListener("events", (message) => {
      const events = JSON.parse(message.data);
      seen = events.at(-1).id;
      this.onEvents(events);
    });
    source.addEventListener("cleared", () => this.onCleared());
    // Not left to the browser: some give up after an answer that is no stream.
    source.onerror = () => {
      source.close();
      this.onState("lost");
      this.#timer = setTimeout(() => this.open(filter, seen), RETRY);
    };
  }

  close() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }
}
