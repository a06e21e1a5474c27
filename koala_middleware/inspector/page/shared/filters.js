// @ts-check
// The filters, as the URL has them.

import { address, go } from "./address.js";
import { $ } from "./element.js";

const TYPING = 200; // ms

export function startFilters() {
  const form = $("filters");
  let timer = 0;
  form.addEventListener("input", (input) => {
    clearTimeout(timer);
    const typed = input.target.type === "search";
    const change = () => go({ [input.target.name]: input.target.value }, { replace: typed });
    if (typed) timer = setTimeout(change, TYPING);
    else change();
  });
  form.addEventListener("submit", (submit) => submit.preventDefault());
  $("reset").addEventListener("click", () => {
    go({ q: "", verdict: "" });
    $("search").focus();
  });
  for (const name of ["span", "by"]) {
    $(name).addEventListener("input", (input) => go({ [name]: input.target.value }, { replace: true }));
  }
}

export function showFilters({ q, verdict, span, by }) {
  // Not under the hands of somebody who types on.
  if (document.activeElement !== $("search") || !q) $("search").value = q;
  check("verdict", verdict);
  check("span", span);
  check("by", by);
  $("reset").hidden = !isFiltered(address());
}

export const isFiltered = ({ q, verdict }) => Boolean(q || verdict);

function check(name, value) {
  for (const radio of $(name).querySelectorAll("input")) radio.checked = radio.value === value;
}
