// @ts-check
// The answer, totals, the chart, the issues, and what is forwarded.

import { stats } from "../shared/api.js";
import { drawAnswer } from "./answer.js";
import { drawChart, STEPS } from "./chart.js";
import { Issues } from "./issues.js";
import { Names } from "./names.js";
import { $, element } from "../shared/element.js";
import { number, plural, printable } from "../shared/format.js";
import { showDrops } from "../shared/title.js";
import { RARE, VERDICTS } from "../shared/verdicts.js";

const SOONEST = 1000; // ms between two looks while events arrive
const LATEST = 5000; // and while none does: the chart moves on
const UNSEEN = 10_000; // while the page is hidden: its title tells of new drops

export class Overview {
  #timer = 0;
  #due = 0;
  #last = 0;
  #asked = 0;

  /** The callbacks: address(), filter(), listed(), isPointed(), onStats(found, listed), onIssue(q), onName(q). */
  constructor({ address, filter, listed, isPointed, onStats, onIssue, onName }) {
    this.address = address;
    this.filter = filter;
    this.listed = listed;
    this.isPointed = isPointed;
    this.onStats = onStats;
    this.issues = new Issues(onIssue);
    this.names = new Names(() => address().q, onName);
    document.addEventListener("visibilitychange", () => this.refresh());
  }

  /** Look again soon, but not more often than each second. */
  changed() {
    this.#plan(Math.max(0, this.#last + SOONEST - performance.now()));
  }

  async refresh({ isTimed = false } = {}) {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#last = performance.now();
    this.#asked += 1;
    const asked = this.#asked;
    const listed = this.listed();
    try {
      const { span, by } = this.address();
      const found = await stats(this.filter(), { seconds: span, steps: STEPS[span], by });
      if (asked !== this.#asked) return; // a later question was about something else
      draw(found, span, by);
      // Issues that come and go move the list below them: not under a pointer.
      if (!isTimed || !this.isPointed()) this.issues.draw(found.issues);
      this.names.draw(found.names);
      this.onStats(found, listed);
    } catch {
      // The banner says that nobody answers.
    }
    if (!this.#timer) this.#plan(document.hidden ? UNSEEN : LATEST);
  }

  #plan(delay) {
    const due = performance.now() + delay;
    if (this.#timer && this.#due <= due) return;
    clearTimeout(this.#timer);
    this.#due = due;
    this.#timer = setTimeout(() => this.refresh({ isTimed: true }), delay);
  }
}

function draw(found, span, by) {
  $("total").textContent = number(found.total);
  for (const verdict of VERDICTS) {
    const isHidden = RARE.includes(verdict) && found[verdict] === 0;
    $(verdict).textContent = number(found[verdict]);
    $(verdict).parentElement.hidden = isHidden;
    const choice = $(`choose-${verdict}`);
    choice.parentElement.hidden = isHidden && !choice.checked;
  }
  $("visitors-seen").textContent = number(found.visitors);
  drawAnswer(found, found.issues);
  drawChart(found.series, span, by);
  showDrops(found);
  drawForward(found.forward);
}

function drawForward(forward) {
  const line = $("forward");
  line.hidden = forward === null;
  if (forward === null) return;
  const counts = ["pending", "sent", "refused", "given_up"]
    .filter((name) => forward[name] || name === "sent")
    .map((name) => `${number(forward[name])} ${name.replace("_", " ")}`);
  line.classList.toggle("faulty", Boolean(forward.fault));
  line.replaceChildren(
    element("b", {}, "Forwarding "), element("bdi", {}, printable(forward.to)),
    ` · uploads: ${counts.join(", ")}`,
    forward.fault ? element("span", {}, ` · ${printable(forward.fault)}`) : "");
  line.title = `${plural(forward.pending, "upload")} to send`;
}
