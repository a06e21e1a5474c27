// @ts-check
// What to do about an event that does not reach Koala: a sentence, code to copy, where to read on.

import { copy } from "./copy.js";
import { button, element, icon } from "./element.js";
import { printable } from "./format.js";

export function remedyParts({ title, remedy, snippet, link }) {
  const copyCode = button("Copy", () => copy(snippet, copyCode), { "aria-label": "Copy the code" }, icon("copy"));
  const parts = [
    element("p", { class: "hint" }, printable(remedy), " ", link
      ? element("a", { href: link, target: "_blank", rel: "noreferrer" }, "More in the docs") : null),
    // Only a cause has a snippet, and a section in the docs under its title.
    snippet && !link ? element("p", { class: "soft" }, `More in docs/troubleshooting.rst: “${title}”.`) : null,
    ...(snippet ? [element("div", { class: "code" }, element("pre", { tabindex: "0" }, snippet), copyCode)] : []),
  ];
  return parts.filter((part) => part !== null);
}
