// @ts-check
// The way of an event: your call → middleware → Segment → Koala. Each step opens to its JSON.

import { element } from "../shared/element.js";
import { printable } from "../shared/format.js";
import { jsonView } from "./json.js";

/** Make the steps of an event that was received. */
export function way(event) {
  const { message, added, koala_request: request, verdict } = event;
  return element("ol", { class: "way", "aria-label": "The event’s way" },
    step("call", "Your call", event.call ?? "", added === null ? null : jsonView(withoutAdded(message, added))),
    step("middleware", "Middleware", byMiddleware(event), null),
    step("message", "Segment", bySegment(event), jsonView(message, added ?? []), verdict === "refused"),
    verdict === "refused" ? null
      : step("koala-request", "Koala", byKoala(verdict), request && jsonView(request), verdict === "dropped"));
}

function step(name, title, says, json, isFault = false) {
  const head = [element("h3", {}, title), " ", element("bdi", { class: isFault ? "fault" : "soft" }, printable(says))];
  const kept = json ? element("details", {}, element("summary", {}, ...head), json) : element("p", {}, ...head);
  return element("li", { class: name }, kept);
}

function byMiddleware({ added, cause, profile_id: profileId }) {
  if (added === null) return "unknown: run your application with KOALA_EXPLAIN=1";
  if (added.length) return `+ ${added.map((path) => path.split(".").at(-1)).join(", ")}: ${profileId}`;
  return `added nothing: ${cause}`;
}

function bySegment({ verdict, reason }) {
  return verdict === "refused" ? `discards it: ${reason}` : "passes it on";
}

function byKoala(verdict) {
  if (verdict === "accepted") return "receives it";
  return verdict === "ignored" ? "never takes such events" : "Segment’s destination drops it";
}

/** Return the message as the caller wrote it. */
export function withoutAdded(message, added) {
  const call = structuredClone(message);
  for (const path of added) {
    const [place, name] = path.split(".");
    if (name === undefined) delete call[place];
    else delete call[place][name];
  }
  return call;
}
