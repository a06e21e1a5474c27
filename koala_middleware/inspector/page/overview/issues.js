// @ts-check
// What keeps events from Koala: a line for each cause, event and call, which opens to its remedy.

import { $, button, element } from "../shared/element.js";
import { ago, number, printable } from "../shared/format.js";
import { Keyed } from "../shared/keyed.js";
import { remedyParts } from "../shared/remedy.js";
import { term } from "../shared/search.js";
import { badge, eventName } from "../list/row.js";

const few = () => (innerWidth <= 640 ? 1 : 3); // lines before "all"
const MOST = 120; // characters of a value

export class Issues {
  #all = false;
  #found = [];

  constructor(show) {
    this.show = show;
    this.lines = new Keyed($("issue-list"), keyOf);
    $("issues-more").addEventListener("click", () => {
      this.#all = !this.#all;
      this.draw(this.#found);
    });
  }

  draw(found) {
    this.#found = found;
    $("issues").hidden = found.length === 0;
    const shown = this.#all ? found : found.slice(0, few());
    const made = this.lines.show(shown, (issue) => line(issue, () => this.show(searchOf(issue))));
    for (const [index, issue] of shown.entries()) {
      made[index].querySelector(".times").textContent = `${number(issue.count)} ×`;
      made[index].querySelector(".last").textContent = ago(issue.last_seen);
    }
    $("issues-more").hidden = found.length <= few();
    $("issues-more").setAttribute("aria-expanded", this.#all);
    $("issues-more").textContent = this.#all ? "Fewer issues" : `All ${found.length} issues`;
  }
}

const keyOf = ({ verdict, reason, cause, type, event, call }) =>
  JSON.stringify([verdict, reason, cause, type, event, call]);

const short = (value) => printable(value ?? "", MOST);

/** Return the search that finds an issue's events. */
function searchOf({ verdict, reason, cause, event, type, call }) {
  const terms = [["verdict", verdict], cause ? ["cause", cause] : ["reason", reason],
    ["event", event], ["type", event ? null : type], ["call", call]];
  return terms.filter(([, value]) => value).map(([name, value]) => term(name, value)).join(" ");
}

function line(issue, show) {
  const { verdict, cause, title, call, request } = issue;
  const summary = element("summary", {},
    element("b", { class: "times" }),
    element("span", { class: "what" }, verdict === "dropped" ? null : badge(verdict), " ",
      element("strong", {}, element("bdi", {}, short(title))), cause ? element("code", {}, ` ${cause}`) : null),
    element("bdi", { class: "name" }, eventName(issue, MOST)),
    element("code", { class: "call" }, short(call)),
    element("span", { class: "last soft" }));
  return element("li", { class: verdict }, element("details", {}, summary,
    element("div", { class: "remedy" }, ...remedyParts(issue),
      request ? element("p", { class: "soft" }, "Last in ", element("code", {}, element("bdi", {}, short(request)))) : null)),
  button("Show", show, { class: "show", "aria-label": `Show the events: ${short(title)}, ${eventName(issue, MOST)}` }));
}
