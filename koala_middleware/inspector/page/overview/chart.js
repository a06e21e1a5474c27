// Accepted and dropped events over time: stacked bars, and the same in words.

import { $, svg } from "../shared/element.js";
import { hourMinute, number, plural, time } from "../shared/format.js";

const HEIGHT = 100; // units; the picture is stretched to its place
const SPANS = { 600: "the last 10 minutes", 3600: "the last hour", 86400: "the last 24 hours" };

export const STEPS = { 600: 60, 3600: 60, 86400: 72 };

export function drawChart({ seconds, steps }, span) {
  const peak = Math.max(...steps.map(({ accepted, dropped }) => accepted + dropped));
  const chart = $("chart");
  chart.setAttribute("viewBox", `0 0 ${steps.length} ${HEIGHT}`);
  chart.replaceChildren(pattern(), ...steps.flatMap((step, index) => bar(step, index, peak, seconds)));
  $("chart-from").textContent = hourMinute(steps[0].time);
  $("chart-to").textContent = "now";
  $("chart-most").textContent = peak ? `peak ${number(peak)} in ${width(seconds)}` : "";
  $("chart-text").textContent = inWords(steps, span);
}

function bar({ time: from, accepted, dropped }, index, most, seconds) {
  if (accepted + dropped === 0) return [];
  // Not a hair: one event among thousands is to be seen.
  const tall = (count) => (count ? Math.max(4, (count / most) * (HEIGHT - 4)) : 0);
  const [low, high] = [tall(accepted), tall(dropped)];
  const text = `${time(from).slice(0, 8)}, ${width(seconds)}: ${number(accepted)} accepted, ${number(dropped)} dropped`;
  const rect = (name, y, height) => svg("rect", { class: name, x: index + 0.1, y, width: 0.8, height });
  return [svg("g", {}, svg("title", {}, text),
    rect("accepted", HEIGHT - low, low), rect("dropped", HEIGHT - low - high, high))];
}

// Dropped is told from accepted by more than its colour.
function pattern() {
  return svg("defs", {}, svg("pattern",
    { id: "stripes", width: 1, height: 7, patternUnits: "userSpaceOnUse" },
    svg("rect", { class: "stripe-ground", width: 1, height: 7 }),
    svg("rect", { class: "stripe", width: 1, height: 2.5 })));
}

function width(seconds) {
  return seconds < 60 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}

function inWords(steps, span) {
  const sum = (name) => steps.reduce((total, step) => total + step[name], 0);
  const total = (step) => step.accepted + step.dropped;
  const busiest = steps.reduce((best, step) => (total(step) > total(best) ? step : best));
  const peak = total(busiest) ? `; most at ${hourMinute(busiest.time)}: ${plural(total(busiest), "event")}` : "";
  return `In ${SPANS[span]}: ${number(sum("accepted"))} accepted, ${number(sum("dropped"))} dropped${peak}.`;
}
