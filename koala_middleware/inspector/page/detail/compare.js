// @ts-check
// An event beside the newest one of its name that got through: what differs.

import { listEvents } from "../shared/api.js";
import { addressWith } from "../shared/address.js";
import { differences } from "../shared/difference.js";
import { element } from "../shared/element.js";
import { ago } from "../shared/format.js";
import { term } from "../shared/search.js";
import { text } from "./facts.js";

const MOST = 20; // events: a name with a * in it finds others, too

/** Make the section, which asks for the other event when it is opened. */
export function comparison(event) {
  const place = element("div", { class: "comparison" });
  const made = /** @type {HTMLDetailsElement} */ (element("details", { class: "compare" },
    element("summary", {}, element("h3", {}, "Compare with one that got through")), place));
  made.addEventListener("toggle", async () => {
    if (!made.open || place.firstChild) return;
    place.append(element("p", { class: "soft" }, "Looking …"));
    try {
      place.replaceChildren(...compared(event, await gotThrough(event)));
    } catch {
      place.replaceChildren(element("p", { class: "soft" }, "The inspector does not answer."));
    }
  });
  return made;
}

async function gotThrough({ event, type }) {
  const q = [event ? term("event", event) : "", term("type", type)].join(" ").trim();
  const events = await listEvents({ q, verdict: "accepted" }, { limit: MOST, details: 1 });
  return events.find((each) => each.event === event);
}

function compared(event, other) {
  if (!other) return [element("p", { class: "soft" }, "No event of this name got through yet.")];
  const said = [["cause", event.cause, other.cause], ["called at", event.call, other.call], ["request", event.request, other.request]]
    .filter(([, one, another]) => one !== another).map(([name, one, another]) => [name, one ?? undefined, another ?? undefined]);
  const rows = [...said, ...differences(event.message, other.message)];
  const link = element("a", { href: addressWith({ event: other.id }) }, `event ${other.id}, ${ago(other.received_at)}`);
  if (!rows.length) return [element("p", {}, "Nothing differs from ", link, ".")];
  return [element("table", {},
    element("thead", {}, element("tr", {}, element("th", {}, "Where"), element("th", { scope: "col" }, "This one"),
      element("th", { scope: "col" }, "Got through: ", link))),
    element("tbody", {}, ...rows.map(([path, one, another]) => element("tr", {},
      element("th", { scope: "row" }, element("bdi", {}, text(path))), value(one), value(another)))))];
}

function value(found) {
  if (found === undefined) return element("td", {}, element("em", { class: "soft" }, "not there"));
  return element("td", {}, element("bdi", {}, text(found)));
}
