import type { Assertion } from "../../shared/monitor.ts";

type NumericOp = Extract<Assertion, { source: "status" }>["op"];
type TextualOp = Extract<Assertion, { source: "body" }>["op"];

export const numericOps: Readonly<Record<NumericOp, (actual: number, wanted: number) => boolean>> = {
  eq: (actual, wanted) => actual === wanted,
  ne: (actual, wanted) => actual !== wanted,
  lt: (actual, wanted) => actual < wanted,
  lte: (actual, wanted) => actual <= wanted,
  gt: (actual, wanted) => actual > wanted,
  gte: (actual, wanted) => actual >= wanted,
};

export const textualOps: Readonly<Record<TextualOp, (actual: string, wanted: string) => boolean>> = {
  eq: (actual, wanted) => actual === wanted,
  ne: (actual, wanted) => actual !== wanted,
  contains: (actual, wanted) => actual.includes(wanted),
  not_contains: (actual, wanted) => !actual.includes(wanted),
  starts_with: (actual, wanted) => actual.startsWith(wanted),
  ends_with: (actual, wanted) => actual.endsWith(wanted),
  empty: (actual) => actual === "",
  not_empty: (actual) => actual !== "",
};
