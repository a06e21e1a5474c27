// @ts-check
// The rail of event names with their share that reaches Koala. A name is a filter.

import { $, element } from "../shared/element.js";
import { number, share } from "../shared/format.js";
import { Keyed } from "../shared/keyed.js";
import { hasTerm, term, toggled } from "../shared/search.js";
import { eventName } from "../list/row.js";

const MOST = 60; // characters of a name

export class Names {
  /**
   * @param {() => string} search the text of the search
   * @param {(q: string) => void} choose
   */
  constructor(search, choose) {
    this.search = search;
    this.choose = choose;
    this.lines = new Keyed($("name-list"), keyOf);
  }

  /** @param {import("../shared/types.js").Name[]} found */
  draw(found) {
    $("names").hidden = found.length === 0;
    const made = this.lines.show(found, (each) => this.#make(each));
    for (const [index, each] of found.entries()) this.#show(made[index], each);
  }

  #make(found) {
    const name = eventName(found, MOST);
    const made = element("li", {}, element("button", { type: "button" },
      element("bdi", { class: "name", title: name }, name), element("span", { class: "share" }),
      element("span", { class: "meter", "aria-hidden": "true" }), element("span", { class: "of" })));
    made.addEventListener("click", () => this.choose(toggled(this.search(), termOf(found))));
    return made;
  }

  #show(made, found) {
    const { count, accepted } = found;
    made.classList.toggle("lossy", accepted < count);
    made.firstChild.setAttribute("aria-pressed", String(hasTerm(this.search(), termOf(found))));
    made.querySelector(".share").textContent = share(accepted, count);
    made.querySelector(".of").textContent = `${number(accepted)} of ${number(count)} reach Koala`;
    made.querySelector(".meter").style.setProperty("--share", `${(100 * accepted) / count}%`);
  }
}

// Two types of event may share a name, and so a term.
const keyOf = ({ event, type }) => JSON.stringify([event, type]);

const termOf = ({ event, type }) => (event ? term("event", event) : term("type", type ?? ""));
