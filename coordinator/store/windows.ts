/** A part of a window and the table that answers it with the fewest rows. */
export interface WindowPart {
  readonly table: "results" | "results_minutes" | "results_hours" | "results_days";
  /** From this instant on, to below `to`; in ms since the epoch, whole units of the table. */
  readonly from: number;
  readonly to: number;
}

const DAY_MS = 86_400_000;
const days = ["results_days", DAY_MS] as const;
const hours = ["results_hours", 3_600_000] as const;
const minutes = ["results_minutes", 60_000] as const;
type Unit = typeof days | typeof hours | typeof minutes;

/**
 * Cuts a window into whole units and the ragged ends beside them, which single
 * results answer. A query costs more for each table it reads than for some thousand
 * rows, so that few units are better than the largest ones: hours from a day on,
 * minutes from an hour on, days (of UTC) when hours would be too many as well.
 */
export function partsOf(from: number, to: number): WindowPart[] {
  return cut(from, to, unitsFor(to - from));
}

function unitsFor(length: number): readonly Unit[] {
  if (length >= 180 * DAY_MS) return [days, hours];
  if (length >= DAY_MS) return [hours];
  return length >= 3_600_000 ? [minutes] : [];
}

function cut(from: number, to: number, [unit, ...smaller]: readonly Unit[]): WindowPart[] {
  if (from >= to) return [];
  if (!unit) return [{ table: "results", from, to }];
  const [table, ms] = unit;
  const first = Math.ceil(from / ms) * ms;
  const last = Math.floor(to / ms) * ms;
  if (first >= last) return cut(from, to, smaller);
  return [...cut(from, first, smaller), { table, from: first, to: last }, ...cut(last, to, smaller)];
}
