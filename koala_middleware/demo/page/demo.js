// @ts-check
// The panel beside the list: a stand-in for Koala's pixel, which sets the cookie, and the buttons.

import { $, element, swatch } from "/static/shared/element.js";

const PATIENCE = 10_000; // ms that an event may take
const LOOK = 250; // ms between two looks

const saved = JSON.parse(sessionStorage.getItem("koala-demo") ?? '{"visitors": []}');

const cookie = () => /(?:^|; )ko_id=([^;]*)/.exec(document.cookie)?.[1] ?? "";

const nameOf = (id) => (id ? `Visitor ${saved.visitors.indexOf(id) + 1}` : "No cookie");

// crypto.randomUUID is there only on https: and on this machine itself.
function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

function browseAs(id) {
  document.cookie = `ko_id=${id}; path=/; samesite=lax; max-age=${id ? 365 * 86400 : 0}`;
  if (id && !saved.visitors.includes(id)) saved.visitors.push(id);
  sessionStorage.setItem("koala-demo", JSON.stringify(saved));
  $("cookie").textContent = id ? `ko_id=${id}` : "none";
  $("demo-visitors").replaceChildren(...[...saved.visitors, ""].map((each) => choice(each, each === id)));
}

function choice(id, chosen) {
  const radio = element("input", { type: "radio", name: "demo-visitor", value: id, checked: chosen });
  return element("label", {}, radio, id ? swatch(id) : null, nameOf(id));
}

async function press(button) {
  const ref = uuid();
  const visitor = cookie();
  say(button, ref, "asking …");
  try {
    const answer = await fetch(`${button.dataset.path}?ref=${ref}`, { method: "POST" });
    await answer.text();
    if (!answer.ok) throw new Error(`the site answered ${answer.status}`);
    say(button, ref, "the event is on its way …");
    say(button, ref, ...outcome(await arrival(ref), visitor));
  } catch (fault) {
    say(button, ref, fault instanceof TypeError ? "the demo does not answer" : fault.message, "wrong");
  }
}

async function arrival(ref) {
  const query = new URLSearchParams({ text: ref, limit: "1", details: "0" });
  for (const end = performance.now() + PATIENCE; performance.now() < end;) {
    const { events } = await (await fetch(`/api/events?${query}`)).json();
    if (events.length) return events[0];
    await new Promise((resolve) => setTimeout(resolve, LOOK));
  }
  throw new Error("no event arrived");
}

function outcome({ profile_id, reason }, visitor) {
  const received = profile_id ?? "";
  if (received !== visitor) return [`arrived with ${received || "no profile id"}: not the visitor’s`, "wrong"];
  return visitor ? [`✓ arrived: the same visitor, ${nameOf(visitor)}`, "right"] : [`✓ arrived; dropped: ${reason}`];
}

// Of a button that is pressed again, the last press is told.
function say(button, ref, text, state = "") {
  const output = button.querySelector("output");
  if (text === "asking …") button.dataset.ref = ref;
  if (button.dataset.ref !== ref) return;
  output.textContent = text;
  output.dataset.state = state;
}

$("new-visitor").addEventListener("click", () => browseAs(uuid()));
$("demo-visitors").addEventListener("change", (change) => {
  browseAs(change.target.value);
  $("demo-visitors").querySelector(":checked").focus();
});
for (const button of document.querySelectorAll(".action")) button.addEventListener("click", () => press(button));
browseAs(cookie() || uuid());
