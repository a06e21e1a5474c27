// @ts-check
// New drops in the title and the icon, while nobody looks.

import { $ } from "./element.js";
import { number } from "./format.js";
import { faultsIn } from "./verdicts.js";

const title = document.title;
const looked = () => !document.hidden && document.hasFocus();

let seen = NaN; // how many were there when somebody looked
let faults = 0;

export function showDrops(counts) {
  faults = faultsIn(counts);
  if (looked() || !(seen <= faults)) seen = faults; // fewer: some were forgotten
  draw();
}

function draw() {
  const news = faults - seen;
  const icon = `/static/icon${news ? "-drops" : ""}.svg`;
  document.title = news ? `(${number(news)} new ${news === 1 ? "drop" : "drops"}) ${title}` : title;
  if ($("icon").getAttribute("href") !== icon) $("icon").setAttribute("href", icon);
}

function look() {
  if (!looked() || Number.isNaN(seen)) return;
  seen = faults;
  draw();
}

addEventListener("focus", look);
document.addEventListener("visibilitychange", look);
