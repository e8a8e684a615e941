/** A part of a window and the table that answers it. */
export interface WindowPart {
  readonly table: "results" | SumsTable;
  /** From this instant on, to below `to`; in ms since the epoch, whole units of the table. */
  readonly from: number;
  readonly to: number;
}

export type SumsTable = "results_minutes" | "results_hours" | "results_days";

export interface Window {
  /** From this instant on, to below `to`; in ms since the epoch. */
  readonly from: number;
  readonly to: number;
}

/** How long each table keeps what it has, in ms; each at least as long as the one before. */
export interface KeptFor {
  readonly results: number;
  readonly minutes: number;
  readonly hours: number;
}

const DAY_MS = 86_400_000;

/** How long tables keep what they have that are told so many days: none for less than a finer one does. */
export function keptForDays({ results, minutes, hours }: KeptFor): KeptFor {
  const kept = (...days: number[]) => Math.max(...days) * DAY_MS;
  return { results: kept(results), minutes: kept(results, minutes), hours: kept(results, minutes, hours) };
}

const days = ["results_days", DAY_MS] as const;
const hours = ["results_hours", 3_600_000] as const;
const minutes = ["results_minutes", 60_000] as const;
const single = ["results", 1] as const;
type Unit = typeof days | typeof hours | typeof minutes | typeof single;

/** The length of a table's units, in ms. */
export const unitOf: Readonly<Record<SumsTable, number>> = Object.fromEntries([days, hours, minutes]) as never;

/** So many results are read one by one as fast as their sums are; see docs/performance.md. */
const FEW_RESULTS = 200_000;

/**
 * A window that can be answered exactly, and the parts of it, each with the table to
 * read. Where single results are no longer kept, the window begins and ends with whole
 * units of what is. A few results are read as such; of many, whole units from the
 * sums, and only the ragged ends as single results.
 * @param expected how many results the window may hold.
 */
export function partsOf(
  { from, to }: Window,
  expected: number,
  keptFor: KeptFor,
  now: number,
): Window & { readonly parts: readonly WindowPart[] } {
  const finest = finestAt(now - from, keptFor);
  const [, ms] = finest;
  const begin = Math.floor(from / ms) * ms;
  const end = Math.max(Math.floor(to / ms) * ms, Math.min(begin + ms, Math.ceil(to / ms) * ms));
  const window = { from: ms === 1 ? from : begin, to: ms === 1 ? to : end };
  const units = finest === single && expected <= FEW_RESULTS ? [] : unitsFor(to - from).filter((unit) => unit[1] > ms);
  return { ...window, parts: cut(window, [...units, finest]) };
}

/**
 * A query costs more for each table it reads than for some thousand rows, so that few
 * units are better than the largest ones: hours from a day on, minutes from an hour on,
 * days (of UTC) when hours would be too many as well.
 */
function unitsFor(length: number): readonly Unit[] {
  if (length >= 180 * DAY_MS) return [days, hours];
  if (length >= DAY_MS) return [hours];
  return length >= 3_600_000 ? [minutes] : [];
}

/** What is about to be dropped counts as dropped. */
function finestAt(age: number, keptFor: KeptFor): Unit {
  if (age + minutes[1] <= keptFor.results) return single;
  if (age + minutes[1] <= keptFor.minutes) return minutes;
  return age + hours[1] <= keptFor.hours ? hours : days;
}

/** @param units down to the one that the window consists of. */
function cut({ from, to }: Window, [unit, ...smaller]: readonly Unit[]): WindowPart[] {
  if (from >= to || !unit) return [];
  const [table, ms] = unit;
  if (smaller.length === 0) return [{ table, from, to }];
  const first = Math.ceil(from / ms) * ms;
  const last = Math.floor(to / ms) * ms;
  if (first >= last) return cut({ from, to }, smaller);
  return [...cut({ from, to: first }, smaller), { table, from: first, to: last }, ...cut({ from: last, to }, smaller)];
}
