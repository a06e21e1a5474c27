// @ts-check
// What is known of an event, value by value: to read, to copy, to search for.

import { copy } from "../shared/copy.js";
import { button, element, icon } from "../shared/element.js";
import { ago, gap, iso, printable, timeOrDay } from "../shared/format.js";
import { term } from "../shared/search.js";
import { visitorLink } from "../list/row.js";

export const text = (value) => printable(typeof value === "string" ? value : JSON.stringify(value));

/** Make the list of facts; ``search(term)`` is called to find others with the same value. */
export function eventFacts(event, search) {
  const { message } = event;
  return facts([
    ["Profile id", event.profile_id, "profile", visitorLink(event.profile_id, Infinity)],
    ["User id", event.user_id, "user"],
    ["Anonymous id", event.anonymous_id, "anonymous"],
    ["Email", event.email, "email"],
    ["Event", event.event, "event"],
    ["Type", event.type, "type"],
    ["Cause", event.cause, "cause"],
    ["Called at", event.call, "call"],
    ["Request", event.request, "request"],
    ["Received", event.received_at, null, when(event.received_at)],
    ["Its own time", message.timestamp, null, ownTime(event)],
    ["Message id", event.message_id],
    ["Write key", event.write_key],
    ["Koala version", event.koala_version],
  ], search);
}

// Beside when it arrived.
function ownTime({ message, timestamp, received_at: arrived }) {
  if (timestamp === null) return undefined;
  const apart = Math.abs(arrived - timestamp);
  const late = apart < 1 ? "" : gap(apart).replace("+", "");
  return element("span", {}, element("bdi", {}, text(message.timestamp)),
    late ? element("small", {}, `, ${late} ${arrived > timestamp ? "before" : "after"} it arrived`) : null);
}

export function facts(rows, search = null) {
  const known = rows.filter(([, value]) => value || value === 0);
  return element("dl", { class: "facts" }, ...known.map(([title, value, name, shown]) =>
    element("div", {}, element("dt", {}, title), element("dd", {}, shown ?? element("bdi", {}, text(value)),
      name && search ? tools(title, value, () => search(term(name, value))) : null))));
}

/** Make the table of properties or traits; ``added`` has the paths of those that were added. */
export function values(message, added, search) {
  const place = message.type === "identify" || message.type === "group" ? "traits" : "properties";
  const found = message[place];
  const title = place === "traits" ? "Traits" : "Properties";
  if (found === null || typeof found !== "object" || Array.isArray(found)) {
    return section(title, [element("p", { class: "soft" }, found === undefined ? "None." : text(found))], "values");
  }
  const rows = Object.entries(found).map(([name, value]) => {
    const isAdded = added?.includes(`${place}.${name}`);
    const isSimple = typeof value === "string" && /^[\w$-]+$/.test(name);
    return element("tr", isAdded ? { class: "added" } : {},
      element("th", { scope: "row" }, element("bdi", {}, text(name))),
      element("td", {}, element("bdi", {}, text(value)), isAdded ? element("span", { class: "mark" }, "added") : null,
        tools(name, value, isSimple ? () => search(term(`${place}.${name}`, value)) : null)));
  });
  return section(title, [rows.length
    ? element("table", {}, element("tbody", {}, ...rows)) : element("p", { class: "soft" }, "None.")], "values");
}

export function section(title, children, name) {
  return element("details", { open: "", class: name }, element("summary", {}, element("h3", {}, title)), ...children);
}

export function when(seconds) {
  return element("time", { datetime: iso(seconds), title: iso(seconds) }, `${timeOrDay(seconds)}, ${ago(seconds)}`);
}

function tools(title, value, search) {
  const of = printable(String(title), 40);
  const copyValue = button("Copy", () => copy(typeof value === "string" ? value : JSON.stringify(value), copyValue),
    { class: "tool", "aria-label": `Copy ${of}`, title: "Copy" }, icon("copy"));
  return element("span", { class: "tools" }, search
    ? button("Find", search, { class: "tool", "aria-label": `Find events with this ${of}`, title: "Find events with this" }, icon("find"))
    : null, copyValue);
}
