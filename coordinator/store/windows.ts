/** A part of a window and the table that answers it with the fewest rows. */
export interface WindowPart {
  readonly table: "results" | "results_minutes" | "results_hours" | "results_days";
  /** From this instant on, to below `to`; in ms since the epoch, whole units of the table. */
  readonly from: number;
  readonly to: number;
}

const units = [
  ["results_days", 86_400_000],
  ["results_hours", 3_600_000],
  ["results_minutes", 60_000],
] as const;

/**
 * Cuts a window into whole days (of UTC), the whole hours beside them, the whole
 * minutes beside those, and the ragged ends, which only single results can answer.
 */
export function partsOf(from: number, to: number): WindowPart[] {
  return cut(from, to, 0);
}

function cut(from: number, to: number, level: number): WindowPart[] {
  if (from >= to) return [];
  const unit = units[level];
  if (!unit) return [{ table: "results", from, to }];
  const [table, ms] = unit;
  const first = Math.ceil(from / ms) * ms;
  const last = Math.floor(to / ms) * ms;
  if (first >= last) return cut(from, to, level + 1);
  return [...cut(from, first, level + 1), { table, from: first, to: last }, ...cut(last, to, level + 1)];
}
