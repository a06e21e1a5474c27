// @ts-check
// The list and what feeds it: loads rows, takes what arrives, holds it while it must not move.

import { apiFilter } from "../shared/address.js";
import { $ } from "../shared/element.js";
import { Feed } from "./feed.js";
import { number, plural } from "../shared/format.js";
import { matches } from "../shared/matching.js";
import { LiveRows } from "./live-rows.js";
import { VisitorRows } from "./visitor-rows.js";

export class Live {
  paused = false;
  isPointed = false; // the pointer is on the list
  #reading = false; // an event is open
  loaded = false;
  fault = "";
  /** @type {LiveRows | VisitorRows} */
  rows = new LiveRows({});
  /** @type {import("../shared/types.js").Row[] | null} */
  kept = null; // what was listed when the inspector went away; the filters choose of it
  #frame = 0;

  /** The callbacks: arrived(count), changed(), state(name). */
  constructor(list, callbacks) {
    this.list = list;
    this.callbacks = callbacks;
    this.feed = new Feed({
      onEvents: (events) => {
        this.rows.arrive(events);
        callbacks.arrived(events.length);
        this.update();
      },
      onCleared: () => this.restart(),
      onState: (state) => {
        if (state === "live" && (this.fault || this.kept)) this.restart();
        callbacks.state(state);
      },
    });
  }

  /** Show what an address chooses. */
  async start(address) {
    this.#reading = address.event !== null;
    this.rows.forget();
    const filter = apiFilter(address);
    const before = this.rows.rows;
    this.rows = address.visitor ? new VisitorRows(filter) : new LiveRows(filter);
    this.loaded = false;
    await this.restart(address.event, before);
  }

  /** Load the newest rows, or those around an event. */
  async restart(around = null, before = this.rows.rows) {
    const rows = this.rows;
    try {
      await rows.load(around);
      if (rows !== this.rows) return;
      this.fault = "";
      this.kept = null;
    } catch (fault) {
      if (fault.name === "AbortError" || rows !== this.rows) return;
      // A TypeError: nobody answers. The feed says so, and when somebody does again.
      if (fault instanceof TypeError) this.#chooseOfKept(before);
      else this.fault = fault.message;
    }
    this.loaded = true;
    this.list.toTop();
    this.#show();
    if (around !== null) this.list.reveal(around);
    this.update();
    this.feed.open(rows.filter, rows.newest);
  }

  #chooseOfKept(before) {
    this.kept ??= before;
    const { rows, kept } = this;
    rows.rows = kept.filter((row) => matches(row, rows.filter))
      .sort((one, other) => (rows.newestFirst ? other.id - one.id : one.id - other.id));
    rows.complete = true;
    this.fault = rows.rows.length ? "" : `The inspector does not answer, and none of the ${plural(kept.length, "listed event")} matches.`;
  }

  /** Draw once a frame, however much arrives in it. */
  update() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      if (this.#holds) this.#show();
      else if (this.rows.cut) this.toNewest();
      else this.#take();
    });
  }

  // Nothing moves under a pointer, or while an event is read.
  get #holds() {
    if (this.paused) return true;
    if (!this.rows.newestFirst || !this.rows.rows.length) return false;
    return this.isPointed || this.#reading || !this.list.atTop;
  }

  pointed(isPointed) {
    this.isPointed = isPointed;
    if (this.rows.waiting) this.update();
  }

  reading(isReading) {
    this.#reading = isReading;
    if (this.rows.waiting) this.update();
  }

  #take() {
    this.rows.take();
    this.#show();
  }

  pause(paused) {
    this.paused = paused;
    if (!paused) this.toNewest();
    this.update();
  }

  async toNewest() {
    if (this.rows.newestFirst) this.list.toTop();
    if (this.rows.cut) await this.restart();
    else if (!this.paused) this.#take();
  }

  async nearEnd() {
    if (!this.loaded || this.rows.complete || !this.rows.rows.length) return;
    await this.#load(async (rows) => -(await rows.following()));
  }

  async nearTop() {
    if (!this.loaded || !this.rows.cut || this.list.atTop || this.paused) return;
    await this.#load((rows) => rows.preceding());
  }

  async #load(fetchRows) {
    const rows = this.rows;
    const before = rows.rows.length;
    try {
      const shifted = await fetchRows(rows);
      if (rows !== this.rows || (!shifted && rows.rows.length === before)) return;
      this.#show();
      if (shifted) this.list.shift(shifted);
    } catch {
      // Scrolling on tries again; the banner says that nobody answers.
    }
  }

  #show() {
    const { waiting, rows } = this.rows;
    $("news").hidden = !waiting;
    $("news").textContent = this.paused ? `${plural(waiting, "event")} waiting` : Number.isFinite(waiting) ? `${number(waiting)} new ↑` : "Newest ↑";
    this.list.show(this.rows);
    this.callbacks.changed(rows.length);
  }
}
