import type { MonitorSpec } from "../../shared/monitor.ts";
import { firstDueAt } from "./due.ts";
import { effectiveSlot, SLOT_MS } from "./slot.ts";

/** A version of a monitor's document; null from its removal on. Times are ms since the epoch. */
export interface Revision {
  readonly spec: MonitorSpec | null;
  readonly validFrom: number;
}

/** A region, and from when to when it was known; `until` is null while it is. A region that was retired may come back. */
export interface KnownRegion {
  readonly region: string;
  readonly since: number;
  readonly until: number | null;
}

/** A stretch of time in which a monitor's checks of one region follow one rhythm: from `from` to below `to`, in ms. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly firstDue: number;
  readonly intervalMs: number;
}

/**
 * When a monitor was checked in a region, according to its revisions and to the
 * regions that were known: exactly the checks that the schedule planned, because
 * changes take effect at the same slots.
 * @param revisions in ascending order.
 */
export function stretchesOf(
  monitorId: string,
  revisions: readonly Revision[],
  regions: readonly KnownRegion[],
  region: string,
): Stretch[] {
  const stretches: Stretch[] = [];
  for (const [n, { spec, validFrom }] of revisions.entries()) {
    if (!spec?.enabled) continue;
    const begin = takesEffect(validFrom);
    const next = revisions[n + 1];
    const end = next ? takesEffect(next.validFrom) : Number.POSITIVE_INFINITY;
    for (const { from, to, members } of memberships(spec.regions, regions, begin, end)) {
      if (!members.includes(region) || from >= to) continue;
      const firstDue = firstDueAt({ ...spec, id: monitorId }, members, region);
      const { intervalMs } = spec;
      const last = stretches.at(-1);
      const goesOn = last?.to === from && last.firstDue === firstDue && last.intervalMs === intervalMs;
      if (goesOn) stretches.pop();
      stretches.push({ from: goesOn ? last.from : from, to, firstDue, intervalMs });
    }
  }
  return stretches;
}

/** How many checks fall into a window, from `from` to below `to`, in ms since the epoch. */
export function countDue(stretches: readonly Stretch[], from: number, to: number): number {
  return stretches.reduce(
    (sum, stretch) => sum + countIn(stretch, Math.max(from, stretch.from), Math.min(to, stretch.to)),
    0,
  );
}

function countIn({ firstDue, intervalMs }: Stretch, from: number, to: number): number {
  if (from >= to) return 0;
  const firstRound = Math.ceil((from - firstDue) / intervalMs);
  return Math.max(0, Math.ceil((to - firstDue) / intervalMs) - firstRound);
}

/** The instant from which a change counts that was made at an instant. */
export function takesEffect(madeAt: number): number {
  return effectiveSlot(madeAt) * SLOT_MS;
}

/** The regions of a monitor over a stretch of time, cut where they changed. */
function memberships(wanted: MonitorSpec["regions"], known: readonly KnownRegion[], begin: number, end: number) {
  if (wanted !== "all") return [{ from: begin, to: end, members: [...wanted].sort() }];
  const changes = changesOf(known).map(takesEffect);
  const cuts = [begin, ...new Set(changes.filter((change) => change > begin && change < end)), end];
  return cuts
    .slice(0, -1)
    .map((from, n) => ({ from, to: cuts[n + 1] as number, members: membersAt(known, from, takesEffect) }));
}

/** The instants at which a region came or went, in ascending order. */
function changesOf(known: readonly KnownRegion[]): number[] {
  const instants = known.flatMap(({ since, until }) => (until === null ? [since] : [since, until]));
  return [...new Set(instants)].sort((a, b) => a - b);
}

/**
 * The regions that are known at an instant, in ascending order.
 * @param counts when a change counts that was made at an instant; at once unless told otherwise.
 */
export function membersAt(
  known: readonly KnownRegion[],
  instant: number,
  counts = (madeAt: number) => madeAt,
): readonly string[] {
  return known
    .filter(({ since, until }) => counts(since) <= instant && (until === null || counts(until) > instant))
    .map(({ region }) => region)
    .sort();
}
