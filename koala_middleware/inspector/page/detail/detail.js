// One event beside the list: the verdict and what to do first, then its way, then all that is known.

import { oneEvent } from "../shared/api.js";
import { copy } from "../shared/copy.js";
import { curl } from "./curl.js";
import { destinations } from "./destinations.js";
import { button, element, icon } from "../shared/element.js";
import { printable } from "../shared/format.js";
import { remedyParts } from "../shared/remedy.js";
import { eventFacts, facts, section, values, when } from "./facts.js";
import { way } from "./way.js";
import { badge, eventName } from "../list/row.js";

export class Detail {
  #loading = null;
  id = null;

  /** The callbacks: close(), visit(profileId), search(term), move(steps). */
  constructor(pane, callbacks) {
    Object.assign(this, { pane, callbacks });
    pane.addEventListener("click", (click) => {
      const link = click.target.closest("[data-visitor]");
      if (!link || click.ctrlKey || click.metaKey || click.shiftKey) return;
      click.preventDefault();
      callbacks.visit(link.dataset.visitor);
    });
  }

  async show(id) {
    this.#loading?.abort();
    const loading = (this.#loading = new AbortController());
    this.id = id;
    try {
      const event = await oneEvent(id, loading.signal);
      this.#fill(...content(event, this.callbacks));
      this.pane.scrollTop = 0;
    } catch (fault) {
      if (loading.signal.aborted) return;
      const says = fault instanceof TypeError
        ? "The inspector does not answer, so there is no more of this event than its row." : fault.message;
      this.#fill(header(element("span", {}, `Event ${id}`), this.callbacks), element("p", { class: "note" }, says));
    }
    this.pane.hidden = false;
  }

  hide() {
    this.#loading?.abort();
    this.id = null;
    this.pane.hidden = true;
    this.pane.replaceChildren();
  }

  // Whoever pressed a button here finds the same button in the next event.
  #fill(...children) {
    const focused = this.pane.contains(document.activeElement) ? document.activeElement.id : "";
    this.pane.replaceChildren(...children);
    if (focused) (document.getElementById(focused) ?? this.pane).focus({ preventScroll: true });
  }
}

function header(title, { close, move }) {
  return element("header", {},
    element("h2", { id: "detail-title" }, title),
    button("Previous", () => move(-1), { id: "previous", class: "icon", "aria-label": "Previous in the list", title: "Previous in the list (k)" }, icon("up")),
    button("Next", () => move(1), { id: "next", class: "icon", "aria-label": "Next in the list", title: "Next in the list (j)" }, icon("down")),
    button("Close", close, { id: "close", class: "icon", "aria-label": "Close the event", title: "Close (Esc)" }, icon("close")));
}

function content(event, callbacks) {
  const top = [header(element("bdi", {}, eventName(event, Infinity)), callbacks), outcome(event)];
  return [...top, ...(event.verdict === "upload_refused" ? ofUpload(event) : ofMessage(event, callbacks))];
}

function outcome(event) {
  const { verdict, remedy, reason, cause } = event;
  const made = element("section", { class: `outcome ${verdict}`, "aria-label": "Verdict" });
  if (verdict === "accepted") {
    made.append(element("p", {}, badge(verdict)));
    return made;
  }
  const isSymptom = remedy.title !== reason;
  made.append(
    element("p", {}, badge(verdict), " ", element("strong", { class: "why" }, printable(remedy.title)),
      isSymptom ? element("small", {}, ` ${printable(reason)}`) : null, cause ? element("code", { class: "soft" }, ` ${cause}`) : null),
    ...remedyParts(remedy));
  return made;
}

function ofUpload({ received_at, message: { refused_upload: upload } }) {
  return [
    facts([["Path", upload.path], ["Code", upload.code], ["Received", received_at, null, when(received_at)],
      ["Events", upload.events], ["Bytes", upload.bytes]]),
    section("How it begins", [element("pre", { class: "json", tabindex: "0" }, element("bdi", {}, upload.excerpt))], "excerpt"),
  ];
}

function ofMessage(event, { search }) {
  const { message, added } = event;
  const copyCurl = button("Copy as curl", () => copy(curl(message), copyCurl), { id: "copy-curl" }, icon("copy"));
  const copyJson = button("Copy JSON", () => copy(JSON.stringify(message, null, 2), copyJson), { id: "copy-json" }, icon("copy"));
  return [
    way(event),
    values(message, added, search),
    destinations(event),
    eventFacts(event, search),
    element("p", { class: "copies" }, copyCurl, copyJson),
  ];
}
