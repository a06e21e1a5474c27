// @ts-check
// One sentence: how many events reach Koala, and how many causes keep the others away.

import { $, element } from "../shared/element.js";
import { number, plural, share } from "../shared/format.js";
import { faultsIn, sum } from "../shared/verdicts.js";

const MOST_ISSUES = 50; // as the API lists them

export function drawAnswer(counts, issues) {
  const faults = faultsIn(counts);
  const wanted = counts.accepted + faults;
  const line = $("answer");
  line.hidden = sum(counts) === 0;
  line.dataset.state = faults ? "faulty" : wanted ? "fine" : "idle";
  line.replaceChildren(element("strong", {}, says(counts.accepted, faults, wanted, issues)),
    counts.ignored ? element("span", {}, ` ${plural(counts.ignored, "other")} that Koala never takes.`) : "");
}

function says(accepted, faults, wanted, issues) {
  if (!wanted) return "No event is meant for Koala.";
  if (!faults) return wanted === 1 ? "The event reaches Koala." : `All ${number(wanted)} events reach Koala.`;
  const causes = new Set(issues.map(({ verdict, reason, cause }) => JSON.stringify([verdict, reason, cause]))).size;
  const least = issues.length === MOST_ISSUES ? "at least " : "";
  return `${number(accepted)} of ${plural(wanted, "event")} reach${wanted === 1 ? "es" : ""} Koala (${share(accepted, wanted)}). `
    + `${number(faults)} ${faults === 1 ? "does" : "do"} not: ${least}${plural(causes, "cause")}.`;
}
