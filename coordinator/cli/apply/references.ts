/**
 * A document with other texts at some places, such as `steps.*.channels.*`; all else stays, also where it has
 * another form than such places need.
 * @param replace gets the text and its place, such as `steps.0.channels.1`.
 */
export function replaceAt(document: unknown, place: string, replace: (text: string, field: string) => string): unknown {
  function within(value: unknown, [first, ...rest]: readonly string[], path: readonly string[]): unknown {
    if (first === undefined) return typeof value === "string" ? replace(value, path.join(".")) : value;
    if (first === "*") {
      if (!Array.isArray(value)) return value;
      return value.map((item, n) => within(item, rest, [...path, String(n)]));
    }
    if (typeof value !== "object" || value === null || !(first in value)) return value;
    return { ...value, [first]: within((value as Record<string, unknown>)[first], rest, [...path, first]) };
  }
  return within(document, place.split("."), []);
}
