// @ts-check
// Wires the parts of the page: what the URL says is what is shown.

import { address, apiFilter, go, onAddress } from "./shared/address.js";
import { announce } from "./shared/announce.js";
import { showConnection, showPause } from "./shared/connection.js";
import { Detail } from "./detail/detail.js";
import { showForgotten, showKeys, startDialogs } from "./shared/dialogs.js";
import { $ } from "./shared/element.js";
import { showEmpty, startEmpty } from "./shared/empty.js";
import { isFiltered, showFilters, startFilters } from "./shared/filters.js";
import { iso, number, plural } from "./shared/format.js";
import { startKeys } from "./shared/keys.js";
import { startChart } from "./overview/chart.js";
import { startImport } from "./shared/import.js";
import { spanOf, term, withTerm } from "./shared/search.js";
import { List } from "./list/list.js";
import { Live } from "./list/live.js";
import { Overview } from "./overview/overview.js";
import { showVisitor } from "./list/visitor.js";

/** @type {import("./shared/types.js").Address} */
let shown = /** @type {any} */ ({}); // nothing yet
let isAnswer = false; // the next count answers a search

const open = (id) => go({ event: id }, { replace: shown.event !== null });
const visit = (profileId) => go({ visitor: profileId, event: "" });
const leave = () => go({ visitor: "", event: "" });
const resetFilters = () => go({ q: "", verdict: "", visitor: "" });

const search = (term) => go({ q: withTerm(shown.q, term), visitor: "" });

function close() {
  go({ event: "" });
  $("grid").focus({ preventScroll: true });
  list.toCurrent();
}

const list = new List($("grid"), $("rows"), {
  open,
  visit,
  scrolled: () => live.rows.waiting && live.update(),
  nearEnd: () => live.nearEnd(),
  nearTop: () => live.nearTop(),
});
const live = new Live(list, {
  arrived: () => overview.changed(),
  changed: () => showRest(),
  state: (state) => {
    overview.changed();
    showConnection(state, live.paused);
  },
});
const detail = new Detail($("detail"), { close, visit, move, search, open, row: (id) => list.row(id) });
const overview = new Overview({
  address: () => shown,
  filter: () => apiFilter(shown),
  listed: () => live.rows.rows.length,
  isPointed: () => live.isPointed,
  onStats: showCount,
  onIssue: (q) => go({ q, verdict: "", visitor: "", event: "" }),
  onName: (q) => go({ q }),
});

function show(next) {
  const before = shown;
  shown = next;
  showFilters(next);
  const changed = (...names) => names.some((name) => before[name] !== next[name]);
  if (changed("q", "verdict", "visitor")) {
    isAnswer = before.q !== undefined;
    live.start(next);
    overview.refresh();
    const query = new URLSearchParams({ after: "0", ...apiFilter(next) });
    $("export").href = `/api/events.ndjson?${query}`;
    $("export-csv").href = `/api/events.csv?${query}`;
    $("grid").classList.toggle("of-visitor", Boolean(next.visitor));
    $("grid").setAttribute("aria-label", next.visitor ? "The visitor's events, oldest first" : "Events, newest first");
  } else if (changed("span", "by")) overview.refresh();
  if (changed("visitor")) showVisitor(next.visitor, [], { back: leave, only: showOnly });
  if (changed("event")) {
    live.reading(next.event !== null);
    showEvent(next.event);
  }
}

async function showEvent(id) {
  if (id === null) detail.hide();
  else {
    list.current = id;
    list.draw();
    await detail.show(id);
  }
  coverList();
}

// Where there is no room beside the list, the event lies over it.
function coverList() {
  const covered = !$("detail").hidden && getComputedStyle($("detail")).position === "absolute";
  for (const part of document.querySelectorAll("[data-behind]")) part.toggleAttribute("inert", covered);
  if (covered && !$("detail").contains(document.activeElement)) $("detail").focus();
}

function showOnly() {
  go({ q: withTerm(shown.q, term("person", shown.visitor)), visitor: "", event: "" });
}

function showRest() {
  const { fault, loaded, rows } = live;
  const none = rows.rows.length === 0 && rows.waiting === 0;
  showEmpty({ fault, loaded, none, filtered: isFiltered(shown) || Boolean(shown.visitor), reset: resetFilters });
  if (live.kept) $("count").textContent = `${number(rows.rows.length)} of the ${number(live.kept.length)} listed`;
  if (shown.visitor) showVisitorSoon();
}

let visitorTimer = 0;
function showVisitorSoon() {
  visitorTimer ||= setTimeout(() => {
    visitorTimer = 0;
    showVisitor(shown.visitor, live.rows.rows, { back: leave, only: showOnly });
  }, 150);
}

function showCount({ chosen, stored }, listed) {
  // Some were forgotten while this page was not connected.
  if (chosen < listed && list.atTop && !live.paused) live.restart();
  const text = chosen === stored ? plural(stored, "event") : `${number(chosen)} of ${plural(stored, "event")}`;
  $("count").textContent = text;
  showForgotten(stored);
  if (isAnswer) announce(text);
  isAnswer = false;
}

function pause() {
  live.pause(!live.paused);
  showPause(live.paused);
}

function move(steps) {
  list.move(steps);
  if (shown.event !== null && list.current !== null) open(list.current);
}

function leaveOne() {
  if (shown.event !== null) close();
  else if (shown.visitor) leave();
  else $("grid").focus();
}

startFilters();
startChart((from, to) => go({ q: spanOf(shown.q, iso(from), iso(to), shown.by) }));
startImport();
startEmpty();
startKeys({
  "/": () => $("search").select(),
  j: () => move(1),
  k: () => move(-1),
  ArrowDown: () => move(1),
  ArrowUp: () => move(-1),
  PageDown: () => move(list.page()),
  PageUp: () => move(-list.page()),
  Home: () => move(-Infinity),
  End: () => move(Infinity),
  Enter: () => list.current !== null && open(list.current),
  v: () => list.row(list.current)?.profile_id && visit(list.row(list.current).profile_id),
  Escape: leaveOne,
  p: pause,
  "?": showKeys,
});
$("pause").addEventListener("click", pause);
$("events").addEventListener("pointerenter", () => live.pointed(true));
$("events").addEventListener("pointerleave", () => {
  live.pointed(false);
  overview.changed();
});
$("news").addEventListener("click", () => (live.paused ? pause() : live.toNewest()));
startDialogs({ cleared: () => overview.changed() });
new ResizeObserver(coverList).observe($("inspector"));
onAddress(show);
show(address());
