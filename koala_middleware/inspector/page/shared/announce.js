// @ts-check
// Say what happens to who does not see it, and not each time something does.

import { $ } from "./element.js";

const PAUSE = 2000; // ms between two announcements

let timer = 0;
let next = "";

export function announce(text) {
  next = text;
  timer ||= setTimeout(() => {
    timer = 0;
    if ($("announcer").textContent !== next) $("announcer").textContent = next;
  }, $("announcer").textContent ? PAUSE : 0);
}
