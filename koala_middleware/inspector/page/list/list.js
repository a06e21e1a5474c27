// @ts-check
// The list: of thousands of rows, those that are seen, and a few around, are in the document.

import { Keyed } from "../shared/keyed.js";
import { makeRow, tick } from "./row.js";

const AROUND = 8; // rows above and below what is seen
const TICK = 1000; // ms
const NEAR = 200; // rows from an end: time to load more

export class List {
  /** @type {import("../shared/types.js").Row[]} */
  #rows = [];
  #frame = 0;
  #newestFirst = true;

  /** The callbacks: open(id), visit(profileId), scrolled(), nearEnd(), nearTop(). */
  constructor(grid, canvas, callbacks) {
    this.grid = grid;
    this.canvas = canvas;
    this.callbacks = callbacks;
    this.elements = new Keyed(canvas, ({ id }) => id);
    /** @type {number | null} */
    this.current = null;
    grid.addEventListener("scroll", () => {
      this.draw();
      callbacks.scrolled();
    });
    new ResizeObserver(() => this.#measure()).observe(grid);
    setInterval(() => this.#tick(), TICK);
    grid.addEventListener("click", (click) => this.#click(click));
  }

  get atTop() {
    return this.grid.scrollTop < 2;
  }

  show({ rows, newestFirst }) {
    if (newestFirst !== this.#newestFirst) this.elements.show([], null); // the other view's differ
    this.#rows = rows;
    this.#newestFirst = newestFirst;
    this.#measure();
  }

  /** Where the page scrolls, too, an event that is closed leaves its row in sight. */
  toCurrent() {
    document.getElementById(`row-${this.current}`)?.scrollIntoView({ block: "nearest" });
  }

  toTop() {
    this.grid.scrollTop = 0;
  }

  /** Keep what is read where it is when rows come (or, below 0, go) above it. */
  shift(count) {
    this.#resize();
    this.grid.scrollTop += count * this.#height;
  }

  draw() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  row(id) {
    return this.#rows[this.#index(id)];
  }

  /** Make another row the current one, by steps from it or, with Infinity, an end. */
  move(steps) {
    if (!this.#rows.length) return;
    const from = this.#index(this.current);
    const first = Math.ceil(this.grid.scrollTop / this.#height);
    const wanted = from < 0 && Number.isFinite(steps) ? first : from + steps;
    const index = Math.min(Math.max(wanted, 0), this.#rows.length - 1);
    this.current = this.#rows[index].id;
    const top = index * this.#height;
    const { scrollTop, clientHeight } = this.grid;
    if (top < scrollTop) this.grid.scrollTop = top;
    // The head stays on top, and takes from what is seen.
    const bottom = top + this.#height + this.canvas.offsetTop;
    if (bottom > scrollTop + clientHeight) this.grid.scrollTop = bottom - clientHeight;
    this.draw();
  }

  /** Scroll to a row, if it is loaded. */
  reveal(id) {
    const index = this.#index(id);
    if (index < 0) return;
    this.#resize();
    const { scrollTop, clientHeight } = this.grid;
    const top = index * this.#height;
    if (top < scrollTop || top + this.#height > scrollTop + clientHeight) {
      this.grid.scrollTop = top - (clientHeight - this.#height) / 2;
    }
    this.draw();
  }

  page() {
    return Math.max(1, Math.floor(this.grid.clientHeight / this.#height) - 1);
  }

  #height = 32;

  #index(id) {
    return id === null ? -1 : this.#rows.findIndex((row) => row.id === id);
  }

  // The stylesheet knows how high rows are, which depends on the width.
  #measure() {
    this.#height = parseFloat(getComputedStyle(this.canvas).getPropertyValue("--row-height"));
    this.draw();
  }

  #tick() {
    if (this.#newestFirst && !document.hidden) for (const made of this.canvas.children) tick(made);
  }

  #resize() {
    this.canvas.style.height = `${this.#rows.length * this.#height}px`;
  }

  #draw() {
    this.#resize();
    const { scrollTop, clientHeight } = this.grid;
    const first = Math.max(0, Math.floor(scrollTop / this.#height) - AROUND);
    const last = Math.min(this.#rows.length, Math.ceil((scrollTop + clientHeight) / this.#height) + AROUND);
    const seen = this.#rows.slice(first, last);
    const made = this.elements.show(seen, (row, at) =>
      makeRow(row, this.#newestFirst ? undefined : (this.#rows[first + at - 1] ?? null)));
    for (const [at, row] of seen.entries()) this.#place(made[at], row, first + at);
    this.grid.setAttribute("aria-rowcount", this.#rows.length + 1);
    if (seen.some(({ id }) => id === this.current)) this.grid.setAttribute("aria-activedescendant", `row-${this.current}`);
    else this.grid.removeAttribute("aria-activedescendant");
    if (last > this.#rows.length - NEAR) this.callbacks.nearEnd();
    if (first < NEAR) this.callbacks.nearTop();
  }

  #place(made, row, index) {
    made.style.transform = `translateY(${index * this.#height}px)`;
    made.setAttribute("aria-rowindex", index + 2); // the head is the first
    made.setAttribute("aria-selected", row.id === this.current);
  }

  #click(click) {
    // The first click of two has moved the columns: the second may be on a link by accident.
    if (click.detail > 1) {
      click.preventDefault();
      return;
    }
    if (click.ctrlKey || click.metaKey || click.shiftKey) return; // a link in a new tab
    const row = click.target.closest("[role=row][data-id]");
    if (!row) return;
    const link = click.target.closest("[data-visitor]");
    if (link) {
      click.preventDefault();
      this.callbacks.visit(link.dataset.visitor);
    } else {
      this.current = Number(row.dataset.id);
      this.draw();
      this.callbacks.open(this.current);
    }
  }
}
