// @ts-check
// The head of a person's view, found by a profile id, a user id, an anonymous id or an email.

import { addressWith } from "../shared/address.js";
import { stats } from "../shared/api.js";
import { copy } from "../shared/copy.js";
import { term } from "../shared/search.js";
import { $, button, element, icon, swatch } from "../shared/element.js";
import { number, plural, printable } from "../shared/format.js";
import { inWords, sum } from "../shared/verdicts.js";

const MOST_NAMES = 6;

let asked = 0;

export async function showVisitor(person, rows, { back, only }) {
  const place = $("visitor");
  asked += 1;
  place.hidden = !person;
  if (!person) return;
  const question = asked;
  if (place.dataset.person !== person || !place.firstChild) {
    place.dataset.person = person;
    place.replaceChildren(...head(person, { back, only }));
  }
  $("visitor-names").replaceChildren(...names(rows, person));
  try {
    const counts = await stats({ q: term("person", person) }, { steps: 1 });
    if (question !== asked) return;
    $("visitor-counts").textContent =
      `${plural(sum(counts), "event")}: ${inWords(counts)}; oldest first`;
  } catch {
    // The banner says that nobody answers.
  }
}

function head(person, { back, only }) {
  const copyId = button("Copy", () => copy(person, copyId), { "aria-label": "Copy the id" }, icon("copy"));
  const backLink = element("a", { class: "button", href: addressWith({ visitor: "", event: "" }), id: "back" },
    icon("back"), element("span", {}, "All events"));
  backLink.addEventListener("click", (click) => {
    click.preventDefault();
    back();
  });
  return [
    backLink,
    element("div", {},
      element("h2", { id: "visitor-title" }, element("span", { class: "soft" }, "Person "), swatch(person), element("bdi", {}, printable(person))),
      element("p", { class: "soft" }, element("span", { id: "visitor-counts" }), " ", element("span", { id: "visitor-names" }))),
    copyId,
    button("Filter the list", only, { class: "only", title: "Show this person's events in the live list, newest first" }),
  ];
}

function names(rows, person) {
  const ids = rows.flatMap(({ user_id, email, profile_id }) => [user_id, email, profile_id]);
  const found = new Set(ids.filter((id) => id && id !== person));
  if (!found.size) return lacking(rows);
  const some = [...found].slice(0, MOST_NAMES).flatMap((name) => [element("bdi", {}, printable(name, 60)), ", "]);
  return ["· known as ", ...some.slice(0, -1), found.size > MOST_NAMES ? ", …" : "", ...lacking(rows)];
}

// Of one person, some events may have the profile id and others not.
function lacking(rows) {
  const known = rows.filter((row) => row.profile_id);
  const lost = rows.filter((row) => row.verdict === "dropped" && !row.profile_id);
  if (!known.length || !lost.length) return [];
  return [" ", element("b", { class: "lacking" }, `· ${plural(known.length, "event")} `
    + `${known.length === 1 ? "has" : "have"} a profile id; ${number(lost.length)} ${lost.length === 1 ? "lacks" : "lack"} it`)];
}
