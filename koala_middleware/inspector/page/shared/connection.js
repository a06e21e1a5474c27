// @ts-check
// Whether the list is live, is paused, or has lost the inspector.

import { $ } from "./element.js";

const STATES = { connecting: "Connecting", live: "Live", paused: "Paused", lost: "Reconnecting" };
const LOST = "The inspector does not answer. What is listed stays, and the filters choose of it; this page connects again by itself.";

let connection = "connecting";
let isPaused = false;

export function showConnection(state, paused = isPaused) {
  connection = state;
  isPaused = paused;
  const shown = state === "live" && paused ? "paused" : state;
  $("connection").dataset.state = shown;
  $("connection-text").textContent = STATES[shown];
  $("banner").hidden = state !== "lost";
  $("banner").textContent = state === "lost" ? LOST : "";
}

export function showPause(paused) {
  const button = $("pause");
  button.setAttribute("aria-pressed", paused);
  button.querySelector("use").setAttribute("href", paused ? "#icon-resume" : "#icon-pause");
  showConnection(connection, paused);
}
