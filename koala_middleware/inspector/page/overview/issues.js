// @ts-check
// What keeps events from Koala: a line for each cause, event and call, which opens to its remedy.

import { $, button, element } from "../shared/element.js";
import { ago, number, printable } from "../shared/format.js";
import { remedyParts } from "../shared/remedy.js";
import { term } from "../shared/search.js";
import { badge } from "../list/row.js";

const few = () => (innerWidth <= 640 ? 1 : 3); // lines before "all"
const MOST = 120; // characters of a value

export class Issues {
  #made = new Map(); // what identifies an issue -> its element
  #all = false;
  #found = [];

  constructor(show) {
    this.show = show;
    $("issues-more").addEventListener("click", () => {
      this.#all = !this.#all;
      this.draw(this.#found);
    });
  }

  draw(found) {
    this.#found = found;
    $("issues").hidden = found.length === 0;
    const shown = this.#all ? found : found.slice(0, few());
    const keys = shown.map(keyOf);
    for (const [key, made] of this.#made) {
      if (keys.includes(key)) continue;
      made.remove();
      this.#made.delete(key);
    }
    for (const [index, issue] of shown.entries()) this.#place(issue, keys[index], index);
    $("issues-more").hidden = found.length <= few();
    $("issues-more").setAttribute("aria-expanded", this.#all);
    $("issues-more").textContent = this.#all ? "Fewer issues" : `All ${found.length} issues`;
  }

  #place(issue, key, index) {
    const list = $("issue-list");
    let made = this.#made.get(key);
    if (!made) {
      made = line(issue, () => this.show(searchOf(issue)));
      this.#made.set(key, made);
    }
    made.querySelector(".times").textContent = `${number(issue.count)} ×`;
    made.querySelector(".last").textContent = ago(issue.last_seen);
    // Moving an element would take the focus from it.
    if (list.children[index] !== made) list.insertBefore(made, list.children[index] ?? null);
  }
}

const keyOf = ({ verdict, reason, cause, type, event, call }) =>
  JSON.stringify([verdict, reason, cause, type, event, call]);

const short = (value) => printable(value ?? "", MOST);

/** Return the search that finds an issue's events. */
export function searchOf({ verdict, reason, cause, event, type, call }) {
  const terms = [["verdict", verdict], cause ? ["cause", cause] : ["reason", reason],
    ["event", event], ["type", event ? null : type], ["call", call]];
  return terms.filter(([, value]) => value).map(([name, value]) => term(name, value)).join(" ");
}

function line(issue, show) {
  const { verdict, cause, title, event, type, call, request } = issue;
  const summary = element("summary", {},
    element("b", { class: "times" }),
    element("span", { class: "what" }, verdict === "dropped" ? null : badge(verdict), " ",
      element("strong", {}, element("bdi", {}, short(title))), cause ? element("code", {}, ` ${cause}`) : null),
    element("bdi", { class: "name" }, short(event ?? `(${type ?? "no type"})`)),
    element("code", { class: "call" }, short(call)),
    element("span", { class: "last soft" }));
  return element("li", { class: verdict }, element("details", {}, summary,
    element("div", { class: "remedy" }, ...remedyParts(issue),
      request ? element("p", { class: "soft" }, "Last in ", element("code", {}, element("bdi", {}, short(request)))) : null)),
  button("Show", show, { class: "show", "aria-label": `Show the events: ${short(title)}, ${short(event ?? type)}` }));
}
