// @ts-check
// How values are written.

const clock = new Intl.DateTimeFormat([], {
  hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23",
});
const shortClock = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat([], { month: "short", day: "numeric" });
const numbers = new Intl.NumberFormat("en");

// What a reader cannot see, or what turns the text around it: control characters, zero widths,
// marks of direction, halves of surrogate pairs. https://trojansource.codes
const UNSEEN = /[\p{Cc}\p{Cs}\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/gu;

export const escaped = (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;

export const printable = (text, most = Infinity) =>
  (text.length > most ? `${text.slice(0, most)}…` : text).replace(UNSEEN, escaped);

export const number = (value) => numbers.format(value);

export const plural = (count, noun) => `${number(count)} ${noun}${count === 1 ? "" : "s"}`;

/** Return a percentage: not 100 % while one is missing. */
export const share = (part, whole) => `${Math.floor((100 * part) / whole)} %`;

export const time = (seconds) => clock.format(seconds * 1000);

export const hourMinute = (seconds) => shortClock.format(seconds * 1000);

export const iso = (seconds) => new Date(seconds * 1000).toISOString();

export function timeOrDay(seconds) {
  const date = new Date(seconds * 1000);
  const today = date.toDateString() === new Date().toDateString();
  return today ? time(seconds) : `${day.format(date)} ${shortClock.format(date)}`;
}

/** How long ago: short, for a column. */
export function ago(seconds, now = Date.now() / 1000) {
  const passed = Math.max(0, now - seconds);
  if (passed < 1) return "now";
  if (passed < 60) return `${Math.floor(passed)} s ago`;
  if (passed < 3600) return `${Math.floor(passed / 60)} min ago`;
  if (passed < 86400) return `${Math.floor(passed / 3600)} h ago`;
  return `${Math.floor(passed / 86400)} d ago`;
}

export function gap(seconds) {
  if (seconds < 0.001) return "";
  if (seconds < 1) return `+${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `+${seconds.toFixed(1)} s`;
  if (seconds < 3600) return `+${Math.round(seconds / 60)} min`;
  if (seconds < 86400) return `+${(seconds / 3600).toFixed(1)} h`;
  return `+${Math.round(seconds / 86400)} d`;
}
