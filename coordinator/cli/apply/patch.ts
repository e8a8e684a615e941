/** The JSON Merge Patch (RFC 7396) that makes one document of another: what is left out goes back to its default. */
export function replacing(current: object, wanted: object): object {
  const removed = Object.keys(current).map((key) => [key, null]);
  const kept = Object.entries(wanted).map(([key, value]) => {
    const before = (current as Record<string, unknown>)[key];
    return [key, isObject(value) && isObject(before) ? replacing(before, value) : value];
  });
  return Object.fromEntries([...removed, ...kept]);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
