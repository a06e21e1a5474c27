// @ts-check
// A message as a command that sends it again.

import { escaped } from "../shared/format.js";

const TYPES = ["track", "identify", "page", "screen", "group", "alias"];
// What a terminal might obey or hide; in JSON, all of it can be written as an escape.
const UNSAFE = /[\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

export function curl({ messageId, ...message }, origin = location.origin) {
  // Without its messageId, by which the inspector would know it for the event that it has.
  const known = TYPES.includes(message.type);
  const body = JSON.stringify(known ? message : { batch: [message] }).replace(UNSAFE, escaped);
  const url = `${origin}/v1/${known ? message.type : "batch"}`;
  return [
    `curl ${quoted(url)}`,
    "-u 'YOUR_WRITE_KEY:'",
    "-H 'Content-Type: application/json'",
    `-d ${quoted(body)}`,
  ].join(" \\\n  ");
}
