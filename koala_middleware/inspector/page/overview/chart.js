// What became of events over time: stacked bars, and the same in words.

import { $, svg } from "../shared/element.js";
import { hourMinute, number, plural, time } from "../shared/format.js";
import { inWords, sum, VERDICTS } from "../shared/verdicts.js";

const HEIGHT = 100; // units; the picture is stretched to its place
const SPANS = { 600: "the last 10 minutes", 3600: "the last hour", 86400: "the last 24 hours" };

export const STEPS = { 600: 60, 3600: 60, 86400: 72 };

/** Call ``choose(from, to)``, in seconds, when a bar's time is clicked. */
export function startChart(choose) {
  $("chart").addEventListener("click", (click) => {
    const { left, width: wide } = click.currentTarget.getBoundingClientRect();
    const { from, seconds, count } = click.currentTarget.dataset;
    const start = Number(from) + Number(seconds) * Math.floor(((click.clientX - left) / wide) * Number(count));
    choose(start, start + Number(seconds));
  });
}

export function drawChart({ seconds, steps }, span) {
  const peak = Math.max(...steps.map(sum));
  const chart = $("chart");
  Object.assign(chart.dataset, { from: steps[0].time, seconds, count: steps.length });
  chart.setAttribute("viewBox", `0 0 ${steps.length} ${HEIGHT}`);
  chart.replaceChildren(pattern(), ...steps.flatMap((step, index) => bar(step, index, peak, seconds)));
  $("chart-from").textContent = hourMinute(steps[0].time);
  $("chart-to").textContent = "now";
  $("chart-most").textContent = peak ? `peak ${number(peak)} in ${width(seconds)}` : "";
  $("chart-text").textContent = summary(steps, span);
}

function bar(step, index, most, seconds) {
  if (sum(step) === 0) return [];
  let top = HEIGHT;
  const parts = VERDICTS.map((verdict) => {
    // Not a hair: one event among thousands must be seen.
    const height = step[verdict] ? Math.max(4, (step[verdict] / most) * (HEIGHT - 4)) : 0;
    top -= height;
    return svg("rect", { class: verdict, x: index + 0.1, y: top, width: 0.8, height });
  });
  const text = `${time(step.time).slice(0, 8)}, ${width(seconds)}: ${inWords(step)}`;
  return [svg("g", {}, svg("title", {}, text), ...parts)];
}

// Dropped differs from accepted by more than its colour.
function pattern() {
  return svg("defs", {}, svg("pattern",
    { id: "stripes", width: 1, height: 7, patternUnits: "userSpaceOnUse" },
    svg("rect", { class: "stripe-ground", width: 1, height: 7 }),
    svg("rect", { class: "stripe", width: 1, height: 2.5 })));
}

function width(seconds) {
  return seconds < 60 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}

function summary(steps, span) {
  const total = (verdict) => steps.reduce((count, step) => count + step[verdict], 0);
  const totals = Object.fromEntries(VERDICTS.map((verdict) => [verdict, total(verdict)]));
  const busiest = steps.reduce((best, step) => (sum(step) > sum(best) ? step : best));
  const peak = sum(busiest) ? `; most at ${hourMinute(busiest.time)}: ${plural(sum(busiest), "event")}` : "";
  return `In ${SPANS[span]}: ${inWords(totals)}${peak}.`;
}
