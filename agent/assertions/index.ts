import type { Assertion } from "../../shared/monitor.ts";
import type { Observation } from "../net/attempt.ts";
import { numericOps, textualOps } from "./compare.ts";

/** What the assertions make of an observation. */
export interface Judgement {
  readonly status: "up" | "degraded" | "down";
  /** Each one that does not hold, as people read it. */
  readonly failed: string[];
}

/** Values are shown to this many characters. */
const MAX_SHOWN = 100;

/**
 * Judges what a probe saw. The gravest level among the assertions that do not hold is the status.
 * @param hide takes out of what the target says what must not be told
 */
export function judge(assertions: readonly Assertion[], seen: Observation, hide = asItIs): Judgement {
  let status: Judgement["status"] = "up";
  const failed: string[] = [];
  for (const assertion of assertions) {
    const problem = problemOf(assertion, seen, hide);
    if (problem === null) continue;
    failed.push(problem);
    if (status !== "down") status = assertion.level;
  }
  return { status, failed };
}

const asItIs = (text: string): string => text;

function problemOf(assertion: Assertion, seen: Observation, hide: typeof asItIs): string | null {
  switch (assertion.source) {
    case "status":
      return numeric(assertion, seen.statusCode);
    case "latencyMs":
      return numeric(assertion, seen.latencyMs);
    case "bodyBytes":
      return numeric(assertion, seen.bodyBytes);
    case "header": {
      const { name, op, value } = assertion;
      const actual = seen.header?.(name) ?? null;
      if (textualOps[op](actual ?? "", value)) return null;
      return `header ${name} ${wanted(op, value)}: ${actual === null ? "was absent" : `was ${shownHeader(name, hide(actual))}`}`;
    }
    case "body": {
      const { op, value } = assertion;
      if (textualOps[op](seen.body ?? "", value)) return null;
      return `body ${wanted(op, value)}: was ${seen.bodyBytes ?? 0} bytes`;
    }
  }
}

type Numeric = Extract<Assertion, { source: "status" | "latencyMs" | "bodyBytes" }>;

function numeric({ source, op, value }: Numeric, actual: number | null): string | null {
  if (actual !== null && numericOps[op](actual, value)) return null;
  return `${source} ${op} ${value}: was ${actual ?? "absent"}`;
}

function wanted(op: string, value: string): string {
  return op === "empty" || op === "not_empty" ? op : `${op} ${quoted(value)}`;
}

/** Cookies are secrets; results are read by many. */
function shownHeader(name: string, value: string): string {
  return name.toLowerCase() === "set-cookie" ? `${value.length} characters` : quoted(value);
}

function quoted(text: string): string {
  return JSON.stringify(text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN - 1)}…`);
}
