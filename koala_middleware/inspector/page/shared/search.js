// @ts-check
// The search field's language: type:track event:"Order*" since:10m "as typed" word

const BARE = /^[\w./@:-]+$/;

/** Make a term such as event:"Signed Up". */
export function term(name, value) {
  const text = String(value);
  return `${name}:${BARE.test(text) ? text : quoted(text)}`;
}

export const hasTerm = (search, wanted) => ` ${search} `.includes(` ${wanted} `);

/** Add a term to a search, unless it is there. */
export function withTerm(search, added) {
  if (hasTerm(search, added)) return search;
  return search ? `${search} ${added}` : added;
}

/** Add a term to a search or, if it is there, take it out. */
export function toggled(search, each) {
  if (!hasTerm(search, each)) return withTerm(search, each);
  return ` ${search} `.replace(` ${each} `, " ").trim();
}

/** Add a span of time to a search, in place of another: of arrival or, by "timestamp", the event's own. */
export function spanOf(search, from, to, by = "") {
  const rest = search.replace(/(^| )(since|until|from|to):\S+/g, "").replace(/ +/g, " ").trim();
  const [first, last] = by === "timestamp" ? ["from", "to"] : ["since", "until"];
  return `${rest} ${term(first, from)} ${term(last, to)}`.trim();
}

const quoted = (text) => `"${text.replace(/[\\"]/g, "\\$&")}"`;
