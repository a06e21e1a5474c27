// What to do about an event that does not reach Koala: a sentence, code to copy, where to read on.

import { copy } from "./copy.js";
import { button, element, icon } from "./element.js";
import { printable } from "./format.js";

export function remedyParts({ remedy, snippet, link }) {
  const copyCode = button("Copy", () => copy(snippet, copyCode), { "aria-label": "Copy the code" }, icon("copy"));
  return [
    element("p", { class: "hint" }, printable(remedy), " ", link
      ? element("a", { href: link, target: "_blank", rel: "noreferrer" }, "More in the docs") : null),
    ...(snippet ? [element("div", { class: "code" }, element("pre", { tabindex: "0" }, snippet), copyCode)] : []),
  ];
}
