// @ts-check
// One event beside the list: the verdict and what to do first, then its way, then all that is known.

import { oneEvent } from "../shared/api.js";
import { copy } from "../shared/copy.js";
import { curl } from "./curl.js";
import { button, element, icon } from "../shared/element.js";
import { iso, printable } from "../shared/format.js";
import { remedyParts } from "../shared/remedy.js";
import { eventFacts, facts, section, values, when } from "./facts.js";
import { way } from "./way.js";
import { badge, eventName, isEdited } from "../list/row.js";
import { comparison } from "./compare.js";
import { editor } from "./edit.js";

export class Detail {
  /** @type {AbortController | null} */
  #loading = null;
  id = null;

  /** The callbacks: close(), visit(profileId), search(term), move(steps), open(id), row(id). */
  constructor(pane, callbacks) {
    this.pane = pane;
    this.callbacks = callbacks;
    pane.addEventListener("click", (click) => {
      const link = click.target.closest("[data-visitor]");
      if (!link || click.ctrlKey || click.metaKey || click.shiftKey) return;
      click.preventDefault();
      callbacks.visit(link.dataset.visitor);
    });
  }

  async show(id) {
    this.#loading?.abort();
    const loading = new AbortController();
    this.#loading = loading;
    this.id = id;
    try {
      const event = await oneEvent(id, loading.signal);
      this.#fill(...content(event, this.callbacks));
      this.pane.scrollTop = 0;
    } catch (fault) {
      if (loading.signal.aborted) return;
      this.#fill(...(fault instanceof TypeError ? withoutMessage(id, this.callbacks) : missing(id, fault.message, this.callbacks)));
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

function missing(id, says, callbacks) {
  return [header(element("span", {}, `Event ${id}`), callbacks), element("p", { class: "note" }, says)];
}

// What the row knows, while the inspector does not answer.
function withoutMessage(id, callbacks) {
  const row = callbacks.row(id);
  if (!row) return missing(id, "The inspector does not answer, and this event is not in the list.", callbacks);
  const remedy = row.reason && { title: row.title, remedy: row.hint, snippet: "", link: null };
  return [header(title(row), callbacks), outcome({ ...row, remedy }),
    element("p", { class: "note" }, "The inspector does not answer. Missing here: the message with its properties, what Koala would get, and code to copy."),
    eventFacts({ ...row, message: row.timestamp === null ? {} : { timestamp: iso(row.timestamp) } }, callbacks.search)];
}

function title(event) {
  const made = element("span", {}, element("bdi", {}, eventName(event, Infinity)));
  if (isEdited(event)) made.append(" ", element("span", { class: "mark-edited" }, "edited"));
  return made;
}

function content(event, callbacks) {
  const top = [header(title(event), callbacks), outcome(event)];
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

function ofMessage(event, { search, open }) {
  const { message, added } = event;
  const copyCurl = button("Copy as curl", () => copy(curl(message), copyCurl), { id: "copy-curl" }, icon("copy"));
  const copyJson = button("Copy JSON", () => copy(JSON.stringify(message, null, 2), copyJson), { id: "copy-json" }, icon("copy"));
  const isLost = event.verdict === "dropped" || event.verdict === "refused";
  return [
    ...(isLost && event.type ? [comparison(event)] : []),
    way(event),
    values(message, added, search),
    eventFacts(event, search),
    element("p", { class: "copies" }, copyCurl, copyJson),
    editor(event, open),
  ];
}
