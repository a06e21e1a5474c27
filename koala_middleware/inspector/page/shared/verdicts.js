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
const FINE = ["accepted", "ignored"];

export const label = (verdict) => LABELS[verdict];

const total = (verdicts, counts) => verdicts.reduce((count, verdict) => count + counts[verdict], 0);

export const sum = (counts) => total(VERDICTS, counts);

export const faultsIn = (counts) => total(VERDICTS.filter((verdict) => !FINE.includes(verdict)), counts);

export function inWords(counts) {
  return VERDICTS.filter((verdict) => counts[verdict] || !RARE.includes(verdict))
    .map((verdict) => `${number(counts[verdict])} ${COUNTED[verdict](counts[verdict])}`)
    .join(", ");
}
