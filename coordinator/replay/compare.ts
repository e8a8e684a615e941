import type { Incident } from "../incidents/incident.ts";

/** What tells one incident from another, and how it ended. Times are ms since the epoch. */
export type Outline = Pick<Incident, "startedAt" | "recoveredAt" | "resolvedAt" | "level" | "kind"> & {
  /** Those that saw trouble. */
  readonly regions: readonly string[];
};

export interface Difference {
  readonly same: readonly Outline[];
  /** Incidents of one time that began, ended or reached otherwise. */
  readonly changed: ReadonlyArray<{ readonly live: Outline; readonly replayed: Outline }>;
  readonly onlyLive: readonly Outline[];
  readonly onlyReplayed: readonly Outline[];
}

export function outlineOf({ startedAt, recoveredAt, resolvedAt, level, kind, evidence }: Incident): Outline {
  const regions = evidence.filter(({ status }) => status !== "up").map(({ region }) => region);
  return { startedAt, recoveredAt, resolvedAt, level, kind, regions: regions.sort() };
}

/** Whether an incident lasted at some time from `from` to below `to`, by the target's own times. */
export function isWithin({ startedAt, recoveredAt, resolvedAt }: Outline, from: number, to: number): boolean {
  return startedAt < to && (recoveredAt ?? resolvedAt ?? Number.POSITIVE_INFINITY) >= from;
}

/**
 * What a replay made of a time beside what was recorded of it. Incidents are the same
 * when they began and ended at the same instants of the target, with one level and kind.
 */
export function compare(live: readonly Outline[], replayed: readonly Outline[]): Difference {
  const left = new Set(replayed);
  const match = (find: (candidate: Outline) => boolean): Outline | undefined => {
    const found = [...left].find(find);
    if (found) left.delete(found);
    return found;
  };
  const same: Outline[] = [];
  const others: Outline[] = [];
  for (const one of live) (match((other) => isSame(one, other)) ? same : others).push(one);
  const changed: Array<{ live: Outline; replayed: Outline }> = [];
  const onlyLive: Outline[] = [];
  for (const one of others) {
    const other = match((candidate) => overlap(one, candidate));
    if (other) changed.push({ live: one, replayed: other });
    else onlyLive.push(one);
  }
  return { same, changed, onlyLive, onlyReplayed: [...left] };
}

function isSame(a: Outline, b: Outline): boolean {
  return a.startedAt === b.startedAt && a.recoveredAt === b.recoveredAt && a.level === b.level && a.kind === b.kind;
}

function overlap(a: Outline, b: Outline): boolean {
  const endOf = ({ recoveredAt, resolvedAt }: Outline) => recoveredAt ?? resolvedAt ?? Number.POSITIVE_INFINITY;
  return a.startedAt <= endOf(b) && b.startedAt <= endOf(a);
}
