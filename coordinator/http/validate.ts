import { z } from "zod";
import { parseTime, timeRule } from "../../shared/clock.ts";
import { unstorable, unstorableRule } from "../../shared/monitor.ts";
import type { FieldError } from "./api-types.ts";
import { Problem } from "./problem.ts";
import { ruleInWords } from "./rule-words.ts";

/**
 * The value as the schema reads it.
 * @throws Problem 422 naming every field and the rule that it breaks.
 */
export function validate<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const parsed = schema.safeParse(value, { error: ruleInWords });
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues.flatMap(toFieldErrors);
  const first = errors[0] as FieldError;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : "";
  throw new Problem(422, `${first.field || "the document"}: ${first.rule}${more}`, errors);
}

function toFieldErrors(issue: z.core.$ZodIssue): FieldError[] {
  const path = issue.path.map(String);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ field: [...path, key].join("."), rule: "is not a known field" }));
  }
  if (issue.code === "invalid_key") {
    return [{ field: path.join("."), rule: issue.issues[0]?.message ?? issue.message }];
  }
  if (issue.code === "invalid_union" && issue.errors.length > 0) {
    const alternatives = issue.errors.map((issues) => issues[0]?.message).filter((message) => message !== undefined);
    // A union says what it takes; where its members are looked into, the one that got furthest is the one meant.
    const deepest = issue.errors.flat().toSorted((a, b) => b.path.length - a.path.length)[0];
    if (deepest && deepest.path.length > 0) {
      return [{ field: [...path, ...deepest.path.map(String)].join("."), rule: deepest.message }];
    }
    return [{ field: path.join("."), rule: [...new Set(alternatives)].join("; or ") }];
  }
  return [{ field: path.join("."), rule: issue.message }];
}

const limit = z.coerce.number().int().min(1).max(1_000);
/** The query parameters of every list. */
export const pageQuery = { limit: limit.default(100), cursor: z.string().max(512).optional() };

/** Text that people write, of at most so many characters. */
export const plainText = (max: number) =>
  z
    .string()
    .trim()
    .min(1, "must not be empty")
    .max(max, `must be at most ${max} characters`)
    .refine((text) => !unstorable.test(text), { message: unstorableRule });

/** An instant in a query: ISO 8601, to ms since the epoch. */
export const instant = z
  .string()
  .transform(parseTime)
  .refine((time) => time !== null, { message: timeRule });

/** A cursor: opaque to people, a position to the list that gave it out. */
function writeCursor(position: object): string {
  return Buffer.from(JSON.stringify(position)).toString("base64url");
}

/** @throws Problem 422 when this list never gave out such a cursor. */
export function readCursor<S extends z.ZodType>(schema: S, cursor: string | undefined): z.output<S> | null {
  if (cursor === undefined) return null;
  try {
    const position = schema.parse(JSON.parse(Buffer.from(cursor, "base64url").toString()));
    if (!Object.values(position as object).every(isStorable)) throw new RangeError("no store could have had it");
    return position;
  } catch {
    const rule = "must be the nextCursor of an earlier page of this list";
    throw new Problem(422, `cursor: ${rule}`, [{ field: "cursor", rule }]);
  }
}

/** The largest instant of a Date, in ms since the epoch. */
const MAX_INSTANT = 8.64e15;

/** Whether a part of a cursor can be looked for in the stores: people may have made it up. */
function isStorable(part: unknown): boolean {
  if (typeof part === "number") return part >= 0 && part <= MAX_INSTANT;
  return typeof part !== "string" || !unstorable.test(part);
}

/** One page out of up to `limit + 1` items: that there is one more tells that there is a next page. */
export function page<T, U>(items: readonly T[], limit: number, present: (item: T) => U, position: (item: T) => object) {
  const shown = items.slice(0, limit);
  const last = shown.at(-1);
  return {
    data: shown.map(present),
    nextCursor: items.length > limit && last !== undefined ? writeCursor(position(last)) : null,
  };
}
