// @ts-check
// The question before all is forgotten, and the list of keys.

import { clearEvents } from "./api.js";
import { $ } from "./element.js";
import { plural } from "./format.js";

export const showKeys = () => $("keys-dialog").showModal();

export function showForgotten(total) {
  $("clear-text").textContent =
    `${plural(total, "event")}, also those that the filters hide. This cannot be undone.`;
}

export function startDialogs({ cleared }) {
  $("keys").addEventListener("click", showKeys);
  $("clear").addEventListener("click", () => $("clear-dialog").showModal());
  $("clear-dialog").addEventListener("close", async (closed) => {
    const answer = closed.target.returnValue;
    closed.target.returnValue = ""; // Escape, the next time, does not clear
    if (answer !== "clear") return;
    await clearEvents().catch(() => {}); // the banner says that nobody answers
    cleared();
  });
}
