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
    go({ text: "", verdict: "", profile_id: "" });
    $("text").focus();
  });
  $("span").addEventListener("input", (input) => go({ span: input.target.value }, { replace: true }));
}

export function showFilters({ text, verdict, profile_id, visitor, span }) {
  // Not under the hands of somebody who types on.
  if (document.activeElement !== $("text")) $("text").value = text;
  if (document.activeElement !== $("profile")) $("profile").value = profile_id;
  $("filters").querySelector(".profile").hidden = Boolean(visitor);
  check("verdict", verdict);
  check("span", span);
  $("reset").hidden = !isFiltered(address());
}

export const isFiltered = ({ text, verdict, profile_id }) => Boolean(text || verdict || profile_id);

function check(name, value) {
  for (const radio of $(name).querySelectorAll("input")) radio.checked = radio.value === value;
}
