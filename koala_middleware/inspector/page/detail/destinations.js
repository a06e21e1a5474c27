// @ts-check
// What an event has for Segment's destinations to match its visitor by, and what it says of consent.

import { element } from "../shared/element.js";
import { printable } from "../shared/format.js";

/** Make the section of the destinations. */
export function destinations({ matching: { destinations: found, consent } }) {
  const matched = found.filter(({ ids, is_excluded: isExcluded }) => !isExcluded && ids.some((id) => id.is_there));
  return element("details", { class: "destinations" },
    element("summary", {}, element("h3", {}, "Ids for destinations"),
      element("span", { class: "soft" }, ` ${matched.length} of ${found.length} have one`)),
    element("p", {}, `Consent: ${consentText(consent)}`),
    element("table", {}, element("tbody", {}, ...found.map(row))));
}

function row({ name, ids, is_excluded: isExcluded }) {
  const cells = isExcluded ? [element("span", { class: "soft" }, "excluded by the call")]
    : ids.flatMap((id, index) => [index ? ", " : null, ...mark(id)]);
  return element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, ...cells));
}

function mark({ path, is_there: isThere, is_mapped_by_hand: isMappedByHand }) {
  const key = path.slice(path.lastIndexOf(".") + 1);
  return [element("span", { class: isThere ? null : "soft", title: path }, `${key} ${isThere ? "✓" : "–"}`),
    isThere && isMappedByHand ? element("span", { class: "soft" }, " if you map it") : null];
}

function consentText(consent) {
  if (consent === null || typeof consent !== "object" || Array.isArray(consent)) {
    return "not in the event, so Segment sends it to every destination.";
  }
  const said = Object.entries(consent).map(([category, answer]) => `${category} ${answer === true ? "✓" : "–"}`);
  return printable(said.join(", ")) || "none given, so Segment sends it to no destination that has a category.";
}
