// @ts-check
// The verdicts on events and uploads, and how they read.

import { number } from "./format.js";

export const VERDICTS = ["accepted", "dropped", "ignored", "refused", "upload_refused"];

const LABELS = {
  accepted: "Reaches Koala",
  dropped: "Koala drops it",
  ignored: "Koala never takes it",
  refused: "Segment refuses it",
  upload_refused: "Upload refused",
};

const COUNTED = {
  accepted: (count) => `reach${count === 1 ? "es" : ""} Koala`,
  dropped: () => "dropped",
  ignored: () => "never taken",
  refused: () => "refused by Segment",
  upload_refused: (count) => (count === 1 ? "upload refused" : "uploads refused"),
};

// These are not shown where there are none.
export const RARE = ["ignored", "refused", "upload_refused"];

// Nothing is wrong with these.
export const FINE = ["accepted", "ignored"];

export const FAULTS = VERDICTS.filter((verdict) => !FINE.includes(verdict));

export const label = (verdict) => LABELS[verdict];

export const sum = (counts) => VERDICTS.reduce((total, verdict) => total + counts[verdict], 0);

export function inWords(counts) {
  return VERDICTS.filter((verdict) => counts[verdict] || !RARE.includes(verdict))
    .map((verdict) => `${number(counts[verdict])} ${COUNTED[verdict](counts[verdict])}`)
    .join(", ");
}
