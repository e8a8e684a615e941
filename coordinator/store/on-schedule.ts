import type { Stretch } from "../schedule/history.ts";

/** When a monitor was checked, by region. */
export type Plan = ReadonlyMap<string, readonly Stretch[]>;

/**
 * More stretches than this are not told to ClickHouse, whose statements have a
 * bound: then everything counts, up to the number of checks that were planned.
 */
const MAX_STRETCHES = 500;

/** A condition on single rows: that the schedule contains the check. Instants stand in the text: they are numbers of our own. */
export function isPlanned(plan: Plan): string {
  return condition(
    plan,
    ({ from, to, firstDue, intervalMs }) =>
      `toUnixTimestamp64Milli(scheduled_at) = toInt64(round) * ${intervalMs} + ${firstDue}${within("toUnixTimestamp64Milli(scheduled_at)", from, to)}`,
  );
}

/** A condition on sums: that checks were planned in the unit, of a length in ms. */
export function hasPlanned(plan: Plan, unitMs: number): string {
  return condition(plan, ({ from, to }) => `1${within("toUnixTimestamp(at) * 1000", from - unitMs + 1, to)}`);
}

function condition(plan: Plan, of: (stretch: Stretch) => string): string {
  const stretches = [...plan].flatMap(([region, own]) => own.map((stretch) => [region, stretch] as const));
  if (stretches.length > MAX_STRETCHES) return "1";
  const all = stretches.map(([region, stretch]) => `(region = '${quoted(region)}' AND ${of(stretch)})`);
  return all.length === 0 ? "0" : `(${all.join(" OR ")})`;
}

function within(instant: string, from: number, to: number): string {
  return ` AND ${instant} >= ${from}${to === Number.POSITIVE_INFINITY ? "" : ` AND ${instant} < ${to}`}`;
}

const quoted = (text: string): string => text.replaceAll(/['\\]/g, "\\$&");
