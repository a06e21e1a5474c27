// @ts-check
// The inspector's HTTP API.

async function ask(path, query = {}, options = {}) {
  const answer = await fetch(`${path}?${new URLSearchParams(query)}`, options);
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.message ?? `the inspector answered ${answer.status}`);
  return body;
}

export const listEvents = async (filter, query, signal = null) =>
  (await ask("/api/events", { details: 0, ...filter, ...query }, { signal })).events;

export const oneEvent = (id, signal) => ask(`/api/events/${id}`, {}, { signal });

export const stats = (filter, query) => ask("/api/stats", { ...filter, ...query });

export const clearEvents = () => ask("/api/events", {}, { method: "DELETE" });

const post = (path, value) =>
  ask(path, {}, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(value) });

export const send = (message) => post("/v1/track", message);

export const sendBatch = (batch) => post("/v1/batch", { batch });

export const sendEdited = (message) => post("/api/edited", message);
