import type { z } from "zod";

const types: Readonly<Record<string, string>> = {
  array: "a list",
  boolean: "true or false",
  int: "a whole number",
  number: "a number",
  object: "an object",
  record: "an object",
  string: "text",
};

/** The rule that a value breaks, in words for people; undefined leaves it to the schema's own. */
export function ruleInWords(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === "invalid_type") {
    if (issue.input === undefined) return "must be given";
    return `must be ${types[issue.expected] ?? issue.expected}`;
  }
  if (issue.code === "invalid_value") return `must be ${oneOf(issue.values)}`;
  if (issue.code === "invalid_union" && Array.isArray(issue.options)) return `must be ${oneOf(issue.options)}`;
  if (issue.code === "too_small")
    return sizeInWords(issue.origin, "at least", issue.minimum, issue.inclusive !== false);
  if (issue.code === "too_big") return sizeInWords(issue.origin, "at most", issue.maximum, issue.inclusive !== false);
  return undefined;
}

/** Such as `a, b or c`. */
function oneOf(values: readonly unknown[]): string {
  const names = values.map(String);
  const last = names.pop() ?? "";
  return names.length === 0 ? last : `${names.join(", ")} or ${last}`;
}

function sizeInWords(origin: string, bound: "at least" | "at most", size: number | bigint, inclusive: boolean): string {
  if (origin === "array" && bound === "at least" && size === 1) return "must not be empty";
  if (origin === "array") return `must hold ${bound} ${size}`;
  if (origin === "string") return `must have ${bound} ${size} ${size === 1 ? "character" : "characters"}`;
  if (!inclusive) return `must be ${bound === "at least" ? "more" : "less"} than ${size}`;
  return `must be ${bound} ${size}`;
}
