// The verdicts on events and uploads, and how they read.

import { number } from "./format.js";

export const VERDICTS = ["accepted", "dropped", "refused", "upload_refused"];

const LABELS = {
  accepted: "Accepted",
  dropped: "Dropped",
  refused: "Segment refuses",
  upload_refused: "Upload refused",
};

const COUNTED = {
  accepted: () => "accepted",
  dropped: () => "dropped",
  refused: () => "refused by Segment",
  upload_refused: (count) => (count === 1 ? "upload refused" : "uploads refused"),
};

// These are not shown where there are none.
export const RARE = ["refused", "upload_refused"];

export const label = (verdict) => LABELS[verdict];

export const sum = (counts) => VERDICTS.reduce((total, verdict) => total + counts[verdict], 0);

export function inWords(counts) {
  return VERDICTS.filter((verdict) => counts[verdict] || !RARE.includes(verdict))
    .map((verdict) => `${number(counts[verdict])} ${COUNTED[verdict](counts[verdict])}`)
    .join(", ");
}
