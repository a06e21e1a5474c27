// @ts-check
// What differs between two messages.

const OF_ITS_OWN = ["messageId", "timestamp", "sentAt", "originalTimestamp", "receivedAt"];

/**
 * Return [path, one's value, other's value] where they differ; undefined where one has none. What
 * only one of them has comes first.
 * @returns {[string, unknown, unknown][]}
 */
export function differences(one, other) {
  const found = compare(one, other, "").filter(([path]) => !OF_ITS_OWN.includes(path));
  const isMissing = ([, first, second]) => first === undefined || second === undefined;
  return [...found.filter(isMissing), ...found.filter((each) => !isMissing(each))];
}

/** @returns {[string, unknown, unknown][]} */
function compare(one, other, path) {
  if (isObject(one) && isObject(other)) {
    const names = [...new Set([...Object.keys(one), ...Object.keys(other)])];
    return names.flatMap((name) => compare(one[name], other[name], path ? `${path}.${name}` : name));
  }
  return JSON.stringify(one) === JSON.stringify(other) ? [] : [[path, one, other]];
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
