// @ts-check
// The rail of event names with their share that reaches Koala. A name is a filter.

import { $, element } from "../shared/element.js";
import { number, printable } from "../shared/format.js";
import { hasTerm, term, toggled } from "../shared/search.js";

const MOST = 60; // characters of a name

export class Names {
  /** @type {Map<string, HTMLElement>} */
  #made = new Map(); // a name's term -> its element

  /**
   * @param {() => string} search the text of the search
   * @param {(q: string) => void} choose
   */
  constructor(search, choose) {
    this.search = search;
    this.choose = choose;
  }

  /** @param {import("../shared/types.js").Name[]} found */
  draw(found) {
    const list = $("name-list");
    const terms = found.map(termOf);
    $("names").hidden = found.length === 0;
    for (const [key, made] of this.#made) {
      if (terms.includes(key)) continue;
      made.remove();
      this.#made.delete(key);
    }
    found.forEach((name, index) => {
      const made = this.#made.get(terms[index]) ?? this.#make(name, terms[index]);
      this.#show(made, name, terms[index]);
      // Moving an element would take the focus from it.
      if (list.children[index] !== made) list.insertBefore(made, list.children[index] ?? null);
    });
  }

  #make({ event, type }, key) {
    const name = printable(event ?? `(${type ?? "no type"})`, MOST);
    const made = element("li", {}, element("button", { type: "button" },
      element("bdi", { class: "name", title: name }, name), element("span", { class: "share" }),
      element("span", { class: "meter", "aria-hidden": "true" }), element("span", { class: "of" })));
    made.addEventListener("click", () => this.choose(toggled(this.search(), key)));
    this.#made.set(key, made);
    return made;
  }

  #show(made, { count, accepted }, key) {
    made.classList.toggle("lossy", accepted < count);
    made.firstChild.setAttribute("aria-pressed", String(hasTerm(this.search(), key)));
    made.querySelector(".share").textContent = `${share(accepted, count)} %`;
    made.querySelector(".of").textContent = `${number(accepted)} of ${number(count)} reach Koala`;
    made.querySelector(".meter").style.setProperty("--share", `${(100 * accepted) / count}%`);
  }
}

// Not 100 % while one is missing.
const share = (accepted, count) => Math.floor((100 * accepted) / count);

const termOf = ({ event, type }) => (event ? term("event", event) : term("type", type ?? ""));
