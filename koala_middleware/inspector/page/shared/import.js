// @ts-check
// Take the events of a file, as the export writes them.

import { sendBatch } from "./api.js";
import { $ } from "./element.js";
import { plural } from "./format.js";
import { announce } from "./announce.js";

const MOST = 100; // events in a request: they may have 32 KB each
const MOST_CHARACTERS = 200_000;

export function startImport() {
  $("import").addEventListener("change", async (change) => {
    const [file] = change.target.files;
    change.target.value = ""; // the same file may be chosen again
    if (!file) return;
    const say = (text) => { $("import-text").textContent = text; announce(text); };
    try {
      const events = parse(await file.text());
      for (const batch of batches(events)) await sendBatch(batch);
      say(`${plural(events.length, "event")} imported`);
    } catch (fault) {
      say(`Not imported: ${fault.message}`);
    }
  });
}

export function parse(text) {
  const lines = text.split("\n").filter((line) => line.trim());
  return lines.map((line) => JSON.parse(line)).filter((event) => !event.refused_upload);
}

/** Cut events into lists that a request may have. */
export function batches(events) {
  const found = [];
  let size = Infinity;
  for (const event of events) {
    const length = JSON.stringify(event).length;
    if (size + length > MOST_CHARACTERS || found.at(-1).length === MOST) {
      found.push([]);
      size = 0;
    }
    found.at(-1).push(event);
    size += length;
  }
  return found;
}
