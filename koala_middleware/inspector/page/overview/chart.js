// @ts-check
// What became of events over time: stacked bars, and the same in words. A bar, or bars that are
// brushed, choose their span of time.

import { $, svg } from "../shared/element.js";
import { hourMinute, number, plural, time } from "../shared/format.js";
import { inWords, sum, VERDICTS } from "../shared/verdicts.js";

const HEIGHT = 100; // units; the picture is stretched to its place
const SPANS = { 600: "the last 10 minutes", 3600: "the last hour", 86400: "the last 24 hours" };

export const STEPS = { 600: 60, 3600: 60, 86400: 72 };

/** @type {{from: number, to: number} | null} the bars that are brushed now */
let brush = null;

/**
 * Call ``choose(from, to)``, in seconds, when a bar is clicked or some are brushed.
 * @param {(from: number, to: number) => void} choose
 */
export function startChart(choose) {
  const chart = $("chart");
  const barAt = ({ clientX }) => {
    const { left, width: wide } = chart.getBoundingClientRect();
    const count = Number(chart.dataset.count);
    return Math.min(count - 1, Math.max(0, Math.floor(((clientX - left) / wide) * count)));
  };
  chart.addEventListener("pointerdown", (press) => {
    if (press.button !== 0) return;
    brush = { from: barAt(press), to: barAt(press) };
    chart.setPointerCapture(press.pointerId);
    drawBrush();
  });
  chart.addEventListener("pointermove", (move) => {
    if (!brush) return;
    brush.to = barAt(move);
    drawBrush();
  });
  chart.addEventListener("pointerup", () => {
    if (!brush) return;
    const [first, last] = [brush.from, brush.to].sort((one, other) => one - other);
    const start = Number(chart.dataset.from);
    const seconds = Number(chart.dataset.seconds);
    choose(start + seconds * first, start + seconds * (last + 1));
    endBrush();
  });
  chart.addEventListener("pointercancel", endBrush);
}

function endBrush() {
  brush = null;
  drawBrush();
}

function drawBrush() {
  $("chart").querySelector(".brush")?.remove();
  if (!brush) return;
  const x = Math.min(brush.from, brush.to);
  $("chart").append(svg("rect", { class: "brush", x, y: 0, width: Math.abs(brush.to - brush.from) + 1, height: HEIGHT }));
}

export function drawChart({ seconds, steps }, span, by) {
  const peak = Math.max(...steps.map(sum));
  const chart = $("chart");
  Object.assign(chart.dataset, { from: steps[0].time, seconds, count: steps.length });
  chart.setAttribute("viewBox", `0 0 ${steps.length} ${HEIGHT}`);
  chart.replaceChildren(pattern(), ...steps.flatMap((step, index) => bar(step, index, peak, seconds)));
  drawBrush();
  $("chart-from").textContent = hourMinute(steps[0].time);
  $("chart-to").textContent = "now";
  $("chart-most").textContent = peak ? `peak ${number(peak)} in ${width(seconds)}` : "";
  $("chart-text").textContent = summary(steps, span, by);
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

function summary(steps, span, by) {
  const total = (verdict) => steps.reduce((count, step) => count + step[verdict], 0);
  const totals = Object.fromEntries(VERDICTS.map((verdict) => [verdict, total(verdict)]));
  const busiest = steps.reduce((best, step) => (sum(step) > sum(best) ? step : best));
  const peak = sum(busiest) ? `; most at ${hourMinute(busiest.time)}: ${plural(sum(busiest), "event")}` : "";
  const times = by === "timestamp" ? ", by their own time" : "";
  return `In ${SPANS[span]}${times}: ${inWords(totals)}${peak}.`;
}
