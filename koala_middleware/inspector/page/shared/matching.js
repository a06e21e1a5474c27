// @ts-check
// The search field's language on rows that are listed, for when the inspector does not answer.
// The server has the whole messages: see storage/search.py.

const TERM = /(?:([\w$.-]+):)?(?:"((?:[^"\\]|\\.)*)"?|(\S+))/g;
const FIELDS = {
  type: "type", event: "event", user: "user_id", anonymous: "anonymous_id", email: "email", profile: "profile_id",
  verdict: "verdict", reason: "reason", cause: "cause", call: "call", request: "request",
};
const TIMES = { since: "received_at", until: "received_at", from: "timestamp", to: "timestamp" };
const SECONDS = { s: 1, m: 60, h: 3600, d: 86400 };

/**
 * Return whether a row is chosen, as far as it can say: it has two properties of its message.
 * @param {import("./types.js").Row} row
 * @param {{q?: string, verdict?: string}} filter
 */
export function matches(row, { q = "", verdict = "" }) {
  if (verdict && row.verdict !== verdict) return false;
  return [...q.matchAll(TERM)].every(([, name, quoted, plain]) =>
    matchesTerm(row, name, quoted === undefined ? plain : quoted.replace(/\\(.)/g, "$1"), quoted !== undefined));
}

function matchesTerm(row, name, value, isQuoted) {
  if (name === "person") return [row.user_id, row.anonymous_id, row.email, row.profile_id].includes(value);
  if (name in FIELDS) return matchesValue(row[FIELDS[name]], value);
  if (name in TIMES) {
    const at = row[TIMES[name]];
    return at !== null && (name === "since" || name === "from" ? at >= unixTime(value) : at < unixTime(value));
  }
  const text = name ? `${name.split(".").at(-1)}: ${value}` : value; // as the preview has a property
  const shown = Object.values(row).join("\n");
  return isQuoted && !name ? shown.includes(text) : folded(shown).includes(folded(text));
}

function matchesValue(found, wanted) {
  if (!wanted.includes("*")) return found === wanted;
  const parts = wanted.toLowerCase().split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "s").test(String(found ?? "").toLowerCase());
}

function unixTime(text) {
  const ago = /^(\d{1,9})([smhd])$/.exec(text);
  return ago ? Date.now() / 1000 - Number(ago[1]) * SECONDS[ago[2]] : Date.parse(text) / 1000;
}

const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
