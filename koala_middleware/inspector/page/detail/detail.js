// One event beside the list: first the verdict and what fixes it, then all that is known.

import { oneEvent } from "../shared/api.js";
import { copy } from "../shared/copy.js";
import { curl } from "./curl.js";
import { button, element, icon } from "../shared/element.js";
import { iso, printable, timeOrDay } from "../shared/format.js";
import { jsonView } from "./json.js";
import { badge, eventName, visitorLink } from "../list/row.js";

const NOTHING = {
  dropped: "Nothing: Segment’s destination drops this event.",
  refused: "Nothing: Segment passes this event on to nobody.",
};

export class Detail {
  #loading = null;
  id = null;

  constructor(pane, { close, visit }) {
    Object.assign(this, { pane, close });
    pane.addEventListener("click", (click) => {
      const link = click.target.closest("[data-visitor]");
      if (!link || click.ctrlKey || click.metaKey || click.shiftKey) return;
      click.preventDefault();
      visit(link.dataset.visitor);
    });
  }

  async show(id) {
    this.#loading?.abort();
    const loading = (this.#loading = new AbortController());
    this.id = id;
    try {
      const event = await oneEvent(id, loading.signal);
      this.pane.replaceChildren(...content(event, this.close));
      this.pane.scrollTop = 0;
    } catch (fault) {
      if (loading.signal.aborted) return;
      this.pane.replaceChildren(
        header(element("span", {}, `Event ${id}`), this.close),
        element("p", { class: "note" }, fault.message));
    }
    this.pane.hidden = false;
  }

  hide() {
    this.#loading?.abort();
    this.id = null;
    this.pane.hidden = true;
    this.pane.replaceChildren();
  }
}

function header(title, close, ...more) {
  return element("header", {},
    element("h2", { id: "detail-title" }, title),
    button("Close", close, { class: "icon", "aria-label": "Close the event", title: "Close (Esc)" }, icon("close")),
    ...more);
}

function content(event, close) {
  const top = [header(element("bdi", {}, eventName(event, Infinity)), close), verdict(event)];
  return [...top, ...(event.verdict === "upload_refused" ? ofUpload(event) : ofMessage(event))];
}

function ofUpload({ received_at, message: { refused_upload: upload } }) {
  return [
    facts([["Path", upload.path], ["Code", upload.code], ["Received", when(received_at)],
      ["Events", upload.events], ["Bytes", upload.bytes]]),
    section("How it begins", [element("pre", { class: "json", tabindex: "0" }, element("bdi", {}, upload.excerpt))], "excerpt"),
  ];
}

function ofMessage(event) {
  const { message, added, koala_request: request } = event;
  const copyCurl = button("Copy as curl", () => copy(curl(message), copyCurl), { id: "copy-curl" }, icon("copy"));
  const copyJson = button("Copy JSON", () => copy(JSON.stringify(message, null, 2), copyJson), { id: "copy-json" }, icon("copy"));
  return [
    element("p", { class: "copies" }, copyCurl, copyJson),
    facts(eventFacts(event)),
    values(message, added),
    section("What Koala would get", request
      ? [element("p", { class: "soft" }, "POST …/web/projects/", element("i", {}, "public key"), "/batch"), jsonView(request)]
      : [element("p", { class: "soft" }, NOTHING[event.verdict])], "koala-request"),
    section("The whole message", [jsonView(message, added)], "message"),
  ];
}

function verdict({ verdict: outcome, reason, hint }) {
  const accepted = outcome === "accepted";
  return element("section", { class: `outcome ${outcome}`, "aria-label": "Verdict" },
    element("p", {}, badge(outcome), " ", accepted
      ? "Koala gets this event."
      : element("strong", { class: "why" }, printable(reason))),
    accepted ? null : element("p", { class: "hint" }, element("b", {}, "Hint "), printable(hint)));
}

function eventFacts(event) {
  const { message } = event;
  return [
    ["Profile id", visitorLink(event.profile_id, Infinity)],
    ["User id", event.user_id],
    ["Anonymous id", event.anonymous_id],
    ["Email", event.email],
    ["Type", event.type],
    ["Received", when(event.received_at)],
    ["Timestamp", message.timestamp],
    ["Message id", event.message_id],
    ["Write key", event.write_key],
  ];
}

function when(seconds) {
  return element("time", { datetime: iso(seconds), title: iso(seconds) }, timeOrDay(seconds));
}

function facts(rows) {
  const known = rows.filter(([, value]) => value || value === 0);
  return element("dl", { class: "facts" }, ...known.map(([name, value]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, value instanceof Node ? value : element("bdi", {}, text(value))))));
}

function values(message, added) {
  const place = message.type === "identify" || message.type === "group" ? "traits" : "properties";
  const found = message[place];
  const title = place === "traits" ? "Traits" : "Properties";
  if (found === null || typeof found !== "object" || Array.isArray(found)) {
    return section(title, [element("p", { class: "soft" }, found === undefined ? "None." : text(found))], "values");
  }
  const rows = Object.entries(found).map(([name, value]) => {
    const isAdded = added.includes(`${place}.${name}`);
    return element("tr", isAdded ? { class: "added" } : {},
      element("th", { scope: "row" }, element("bdi", {}, text(name))),
      element("td", {}, element("bdi", {}, text(value)), isAdded ? element("span", { class: "mark" }, "added") : null));
  });
  const others = added.filter((path) => !path.startsWith(`${place}.`));
  return section(title, [
    rows.length ? element("table", {}, element("tbody", {}, ...rows)) : element("p", { class: "soft" }, "None."),
    added.length ? element("p", { class: "soft legend" }, element("span", { class: "mark" }, "added"),
      " is what the middleware adds (or the code itself: they look the same)",
      others.length ? `; here, also ${others.join(", ")}.` : ".") : null,
  ], "values");
}

function section(title, children, name) {
  return element("details", { open: "", class: name }, element("summary", {}, element("h3", {}, title)), ...children);
}

const text = (value) => printable(typeof value === "string" ? value : JSON.stringify(value));
