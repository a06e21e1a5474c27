// @ts-check
// One row of the list.

import { addressWith } from "../shared/address.js";
import { element, swatch } from "../shared/element.js";
import { label } from "../shared/verdicts.js";
import { ago, gap, iso, printable, timeOrDay } from "../shared/format.js";

const MOST = 200; // characters of a value; a cell shows fewer

const short = (value) => printable(value, MOST);

export function eventName({ event, type }, most = MOST) {
  return event ? printable(event, most) : `(${type ? printable(type, most) : "no type"})`;
}

/** Make the link to all that a profile id did, or an empty text where there is none. */
export function visitorLink(profileId, most = MOST, attributes = {}) {
  if (!profileId) return "";
  return linkTo(profileId, { class: "visitor-link", ...attributes }, swatch(profileId), element("bdi", {}, printable(profileId, most)));
}

const personLink = (id) => linkTo(id, { class: "person-link", tabindex: "-1" }, element("bdi", {}, short(id)));

function linkTo(id, attributes, ...children) {
  const href = addressWith({ visitor: id, event: "" });
  return element("a", { href, title: `All that ${short(id)} did`, "data-visitor": id, ...attributes }, ...children);
}

/** Whether an event was edited on this page: see server/edited.py. */
export const isEdited = ({ message_id }) => message_id.startsWith("edited-");

export function badge(verdict) {
  return element("span", { class: `badge ${verdict}` }, label(verdict));
}

function cell(name, ...children) {
  return element("span", { role: "gridcell", class: name }, ...children);
}

function who({ user_id, anonymous_id, email, verdict }) {
  if (verdict === "upload_refused") return cell("who");
  const texts = [user_id, email].filter(Boolean).map(personLink);
  if (texts.length) return cell("who", texts[0], ...(texts[1] ? [" ", element("small", {}, texts[1])] : []));
  if (!anonymous_id) return cell("who", element("small", {}, "nobody"));
  return cell("who", element("small", { title: "anonymous id" }, "anon "), personLink(anonymous_id));
}

// The cause where there is one, and where the call is: more than "no profile id and no email".
function why({ reason, title, cause, call }) {
  if (!reason) return cell("reason");
  const text = short(cause === "unknown" ? reason : title);
  return cell("reason", element("bdi", { title: text }, text),
    call ? element("small", {}, " ", element("bdi", {}, short(call))) : null);
}

/** Make a row. In a visitor's view it has the row before, or null, and how long after that it was. */
export function makeRow(row, previous) {
  const { id, received_at, timestamp, type, profile_id, verdict, preview } = row;
  const own = timestamp === null ? "" : `; its own time: ${iso(timestamp)}`;
  const made = element("div", { role: "row", id: `row-${id}`, class: `row ${verdict}` },
    cell("time", element("time", { datetime: iso(received_at), title: `${timeOrDay(received_at)} (${iso(received_at)})${own}` },
      previous === undefined ? ago(received_at) : timeOrDay(received_at)),
      previous ? element("small", { class: "gap" }, gap(received_at - previous.received_at)) : null),
    cell("type", element("bdi", {}, type ? short(type) : "–")),
    cell("event", element("bdi", { title: eventName(row) }, eventName(row)),
      isEdited(row) ? element("span", { class: "mark-edited" }, "edited") : null,
      preview ? element("small", {}, " ", element("bdi", {}, short(preview))) : null),
    who(row),
    cell("profile", visitorLink(profile_id, MOST, { tabindex: "-1" })),
    cell("verdict", badge(verdict)),
    why(row));
  made.dataset.id = id;
  return made;
}

/** Say again how long ago a row's event was. */
export function tick(made) {
  const place = made.querySelector(".time time");
  const text = ago(Date.parse(place.dateTime) / 1000);
  if (place.textContent !== text) place.textContent = text;
}
