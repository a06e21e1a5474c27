// The head of a visitor's view: who that is, as far as the events tell.

import { addressWith } from "../shared/address.js";
import { stats } from "../shared/api.js";
import { copy } from "../shared/copy.js";
import { $, button, element, icon } from "../shared/element.js";
import { hue, plural, printable } from "../shared/format.js";
import { inWords, sum } from "../shared/verdicts.js";

const MOST_NAMES = 6;

let asked = 0;

export async function showVisitor(profileId, rows, { back, only }) {
  const place = $("visitor");
  asked += 1;
  place.hidden = !profileId;
  if (!profileId) return;
  const question = asked;
  if (place.dataset.profile !== profileId || !place.firstChild) {
    place.dataset.profile = profileId;
    place.replaceChildren(...head(profileId, { back, only }));
  }
  $("visitor-names").replaceChildren(...names(rows));
  try {
    const counts = await stats({ profile_id: profileId }, { steps: 1 });
    if (question !== asked) return;
    $("visitor-counts").textContent =
      `${plural(sum(counts), "event")}: ${inWords(counts)}; oldest first`;
  } catch {
    // The banner says that nobody answers.
  }
}

function head(profileId, { back, only }) {
  const dot = element("i", { class: "swatch" });
  dot.style.setProperty("--hue", hue(profileId));
  const copyId = button("Copy", () => copy(profileId, copyId), { "aria-label": "Copy the profile id" }, icon("copy"));
  const backLink = element("a", { class: "button", href: addressWith({ visitor: "", event: "" }), id: "back" },
    icon("back"), element("span", {}, "All events"));
  backLink.addEventListener("click", (click) => {
    click.preventDefault();
    back();
  });
  return [
    backLink,
    element("div", {},
      element("h2", { id: "visitor-title" }, element("span", { class: "soft" }, "Visitor "), dot, element("bdi", {}, printable(profileId))),
      element("p", { class: "soft" }, element("span", { id: "visitor-counts" }), " ", element("span", { id: "visitor-names" }))),
    copyId,
    button("Filter the list", only, { class: "only", title: "Show this visitor's events in the live list, newest first" }),
  ];
}

function names(rows) {
  const found = new Set(rows.flatMap(({ user_id, email }) => [user_id, email]).filter(Boolean));
  if (!found.size) return [];
  const some = [...found].slice(0, MOST_NAMES).flatMap((name) => [element("bdi", {}, printable(name, 60)), ", "]);
  return ["· known as ", ...some.slice(0, -1), found.size > MOST_NAMES ? ", …" : ""];
}
