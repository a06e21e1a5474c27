// @ts-check
// What is shown is in the URL, so that reload, back and a shared link show it again.

import { term, withTerm } from "./search.js";
import { VERDICTS } from "./verdicts.js";

const SPANS = ["600", "3600", "86400"];
const LONGEST = 1000; // characters, as the API takes them

const listeners = new Set();

export const onAddress = (listener) => listeners.add(listener);

/** @returns {import("./types.js").Address} */
export function address() {
  const query = new URLSearchParams(location.search);
  const text = (name) => (query.get(name) ?? "").slice(0, LONGEST);
  const choice = (name, choices) => (choices.includes(query.get(name)) ? query.get(name) : "");
  return {
    q: text("q"),
    verdict: choice("verdict", VERDICTS),
    visitor: text("visitor"),
    event: /^\d{1,15}$/.test(query.get("event") ?? "") ? Number(query.get("event")) : null,
    span: choice("span", SPANS) || SPANS[0],
    by: choice("by", ["timestamp"]),
  };
}

export function addressWith(changes) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value === "" || value === null) query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  return text ? `?${text}` : location.pathname;
}

export function go(changes, { replace = false } = {}) {
  const target = addressWith(changes);
  if (target === location.search) return;
  if (replace) history.replaceState(null, "", target);
  else history.pushState(null, "", target);
  tell();
}

// The filter as the API knows it; a visitor's view is a list of what one person did.
export function apiFilter({ q, verdict, visitor }) {
  const filter = { q: visitor ? withTerm(q, term("person", visitor)) : q, verdict };
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value));
}

function tell() {
  for (const listener of listeners) listener(address());
}

addEventListener("popstate", tell);
