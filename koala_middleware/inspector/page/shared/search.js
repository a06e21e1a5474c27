// The search field's language: type:track event:"Order*" since:10m "as typed" word

const BARE = /^[\w./@:-]+$/;

/** Make a term such as event:"Signed Up". */
export function term(name, value) {
  const text = String(value);
  return `${name}:${BARE.test(text) ? text : quoted(text)}`;
}

/** Add a term to a search, unless it is there. */
export function withTerm(search, added) {
  if (` ${search} `.includes(` ${added} `)) return search;
  return search ? `${search} ${added}` : added;
}

/** Add a span of time to a search, in place of another. */
export function spanOf(search, from, to) {
  const rest = search.replace(/\b(since|until):\S+/g, "").replace(/ +/g, " ").trim();
  return `${rest} ${term("since", from)} ${term("until", to)}`.trim();
}

const quoted = (text) => `"${text.replace(/[\\"]/g, "\\$&")}"`;
