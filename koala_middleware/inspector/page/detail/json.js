// JSON as it is read by people: coloured, and with some of its fields marked.

import { element } from "../shared/element.js";
import { printable } from "../shared/format.js";

const MOST_LINES = 2000;

/** Make the lines of a value; ``marks`` has paths such as "properties.profile_id". */
export function jsonView(value, marks = []) {
  const marked = new Set(marks.map((path) => JSON.stringify(path.split("."))));
  const lines = [];
  addLines(lines, value, { path: [], depth: 0, name: null, comma: "" }, marked);
  const shown = lines.slice(0, MOST_LINES);
  if (lines.length > MOST_LINES) shown.push(`… ${lines.length - MOST_LINES} more lines: copy the JSON`);
  return element("pre", { class: "json", tabindex: "0" }, ...shown);
}

function addLines(lines, value, { path, depth, name, comma }, marked) {
  const isMarked = marked.has(JSON.stringify(path));
  const line = (...parts) => lines.push(
    element("span", { class: isMarked ? "line added" : "line" }, "  ".repeat(depth), ...parts, "\n"));
  const label = name === null ? [] : [element("span", { class: "name" }, written(name)), ": "];
  const isArray = Array.isArray(value);
  if (value === null || typeof value !== "object" || Object.keys(value).length === 0) {
    line(...label, scalar(value), comma);
    return;
  }
  line(...label, isArray ? "[" : "{");
  const entries = Object.entries(value);
  entries.forEach(([key, inner], position) => addLines(lines, inner, {
    path: path.length < 2 ? [...path, key] : ["", "", ""], // no mark is deeper
    depth: depth + 1,
    name: isArray ? null : key,
    comma: position < entries.length - 1 ? "," : "",
  }, marked));
  line(isArray ? "]" : "}", comma);
}

const written = (value) => printable(JSON.stringify(value));

function scalar(value) {
  const kind = value === null ? "null" : typeof value;
  return element("span", { class: kind }, written(value));
}
