// @ts-check
// JSON as it is read by people: coloured, foldable, and with some of its fields marked.

import { element } from "../shared/element.js";
import { printable } from "../shared/format.js";

const MOST_LINES = 2000;

/** Make the lines of a value; ``marks`` has paths such as "properties.profile_id". */
export function jsonView(value, marks = []) {
  const view = { marked: new Set(marks.map((path) => JSON.stringify(path.split(".")))), count: 0 };
  const made = lines(view, value, { path: [], depth: 0, name: null, comma: "" });
  const rest = view.count - MOST_LINES;
  return element("pre", { class: "json", tabindex: "0" }, made, rest > 0 ? `… ${rest} more lines: copy the JSON` : null);
}

function lines(view, value, { path, depth, name, comma }) {
  const isMarked = view.marked.has(JSON.stringify(path));
  const line = (tag, ...parts) => {
    view.count += 1;
    if (view.count > MOST_LINES) return null;
    return element(tag, { class: isMarked ? "line added" : "line" }, "  ".repeat(depth), ...parts, "\n");
  };
  const label = name === null ? [] : [element("span", { class: "name" }, written(name)), ": "];
  if (value === null || typeof value !== "object" || Object.keys(value).length === 0) {
    return line("span", ...label, scalar(value), comma);
  }
  const isArray = Array.isArray(value);
  const entries = Object.entries(value);
  const first = line("summary", ...label, isArray ? "[" : "{");
  const inner = entries.map(([key, each], position) => lines(view, each, {
    path: path.length < 2 ? [...path, key] : ["", "", ""], // no mark is deeper
    depth: depth + 1,
    name: isArray ? null : key,
    comma: position < entries.length - 1 ? "," : "",
  }));
  return element("details", { open: "", class: "fold" }, first, ...inner, line("span", isArray ? "]" : "}", comma));
}

const written = (value) => printable(JSON.stringify(value));

function scalar(value) {
  const kind = value === null ? "null" : typeof value;
  return element("span", { class: kind }, written(value));
}
