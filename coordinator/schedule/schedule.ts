import type { Monitor } from "../../shared/monitor.ts";
import { dueAt, firstDueAt, isDue, roundAt } from "./due.ts";
import { SHARDS, shardOf } from "./shard.ts";
import { effectiveSlot, SLOT_MS, slotAt } from "./slot.ts";

/** One check to be made: which monitor, where, which round, when. */
export interface DueCheck {
  readonly monitor: Monitor;
  readonly region: string;
  readonly round: number;
  readonly scheduledAt: number;
}

/**
 * The schedule in memory. For each shard and interval there is a wheel with one
 * place per second of the interval; a monitor stands, once per region, at the
 * place of its due instant, so that reading a slot costs what is due in it and no
 * more. A change takes effect at a slot that follows from when it was made:
 * whoever learns of it in time plans the same.
 */
export interface Schedule {
  /** Adds a monitor or replaces its earlier revision, as of `monitor.updatedAt`. One that is not enabled is only remembered. */
  set(monitor: Monitor): void;
  /** Takes a monitor off, as of an instant in ms since the epoch. */
  remove(monitorId: string, removedAt: number): void;
  get(monitorId: string): Monitor | undefined;
  /** The regions that `regions: all` stands for, as of an instant in ms since the epoch. */
  setRegions(regions: readonly string[], since: number): void;
  /** The regions that a monitor's `regions` names, in ascending order. */
  expand(regions: Monitor["regions"]): readonly string[];
  /** When each of the regions that `regions: all` stands for came up, in ms since the epoch. */
  readonly cameUpAt: ReadonlyMap<string, number>;
  /** Whether a check was, or will be, due by a monitor's latest revision. */
  contains(check: Omit<DueCheck, "monitor"> & { readonly monitorId: string }): boolean;
  /** What is due in a slot, of one shard, in the same order on every coordinator. */
  dueIn(shard: number, slot: number): DueCheck[];
  /** The round of a monitor in a region that an extra check at this instant belongs to. */
  roundOf(monitor: Monitor, region: string, instant: number): { readonly round: number; readonly dueAt: number };
  readonly monitors: ReadonlyMap<string, Monitor>;
}

interface Place {
  readonly monitor: Monitor;
  readonly region: string;
  readonly firstDue: number;
  /** Counts in slots from this one … */
  readonly from: number;
  /** … to below this one. */
  until: number;
}

/** What stands at one place of a wheel; put in order when it is read, and not each time something is added. */
interface Spot {
  places: Place[];
  inOrder: boolean;
}

/** By the second of the interval. */
type Wheel = Map<number, Spot>;
/** By interval in ms. */
type Wheels = Map<number, Wheel>;

export function createSchedule(): Schedule {
  const monitors = new Map<string, Monitor>();
  const shards = Array.from({ length: SHARDS }, (): Wheels => new Map());
  let allRegions: readonly string[] = [];
  const cameUpAt = new Map<string, number>();
  /** What `all` stood for from a slot on, the latest last. */
  let memberships: ReadonlyArray<{ readonly from: number; readonly regions: readonly string[] }> = [];

  function expand(regions: Monitor["regions"]): readonly string[] {
    return regions === "all" ? allRegions : [...regions].sort();
  }

  function wheelsOf(monitorId: string): Wheels {
    return shards[shardOf(monitorId)] as Wheels;
  }

  function insert(monitor: Monitor, from: number): void {
    if (!monitor.enabled) return;
    const wheel = getOrMake(wheelsOf(monitor.id), monitor.intervalMs, (): Wheel => new Map());
    const regions = expand(monitor.regions);
    for (const region of regions) {
      const firstDue = firstDueAt(monitor, regions, region);
      const spot = getOrMake(
        wheel,
        spotOf(slotAt(firstDue), monitor.intervalMs),
        (): Spot => ({ places: [], inOrder: true }),
      );
      spot.places.push({ monitor, region, firstDue, from, until: Number.POSITIVE_INFINITY });
      spot.inOrder = spot.places.length === 1;
    }
  }

  /** Ends a monitor's places as of a slot; they are swept when that slot has been read. */
  function withdraw(monitor: Monitor, until: number): void {
    if (!monitor.enabled) return;
    const wheel = wheelsOf(monitor.id).get(monitor.intervalMs);
    const regions = expand(monitor.regions);
    for (const region of regions) {
      const spot = wheel?.get(spotOf(slotAt(firstDueAt(monitor, regions, region)), monitor.intervalMs));
      for (const place of spot?.places ?? []) {
        if (place.monitor.id === monitor.id) place.until = Math.min(place.until, until);
      }
    }
  }

  return {
    monitors,
    expand,
    get: (monitorId) => monitors.get(monitorId),
    set(monitor) {
      const earlier = monitors.get(monitor.id);
      const from = effectiveSlot(monitor.updatedAt);
      if (earlier) withdraw(earlier, from);
      monitors.set(monitor.id, monitor);
      insert(monitor, from);
    },
    remove(monitorId, removedAt) {
      const monitor = monitors.get(monitorId);
      if (!monitor) return;
      withdraw(monitor, effectiveSlot(removedAt));
      monitors.delete(monitorId);
    },
    setRegions(regions, since) {
      const following = [...monitors.values()].filter((monitor) => monitor.regions === "all");
      const from = effectiveSlot(since);
      for (const monitor of following) withdraw(monitor, from);
      allRegions = [...regions].sort();
      memberships = [...memberships, { from, regions: allRegions }].slice(-MEMBERSHIPS_KEPT);
      for (const region of cameUpAt.keys()) if (!allRegions.includes(region)) cameUpAt.delete(region);
      for (const region of allRegions) if (!cameUpAt.has(region)) cameUpAt.set(region, since);
      for (const monitor of following) insert(monitor, Math.max(from, effectiveSlot(monitor.updatedAt)));
    },
    cameUpAt,
    contains({ monitorId, ...check }) {
      const monitor = monitors.get(monitorId);
      if (!monitor) return false;
      const slot = slotAt(check.scheduledAt);
      const regions =
        monitor.regions === "all"
          ? (memberships.findLast(({ from }) => from <= slot)?.regions ?? [])
          : expand(monitor.regions);
      return isDue(monitor, regions, check);
    },
    dueIn(shard, slot) {
      const due: DueCheck[] = [];
      for (const [intervalMs, wheel] of shards[shard] as Wheels) {
        const at = spotOf(slot, intervalMs);
        const spot = wheel.get(at);
        if (!spot) continue;
        let over = 0;
        putInOrder(spot, intervalMs);
        for (const { monitor, region, firstDue, from, until } of spot.places) {
          if (until <= slot) over++;
          else if (from <= slot) {
            const round = roundAt(firstDue, intervalMs, slot * SLOT_MS + SLOT_MS - 1);
            due.push({ monitor, region, round, scheduledAt: dueAt(firstDue, intervalMs, round) });
          }
        }
        if (over > 0) sweep(wheel, at, spot, slot);
      }
      // Each spot is in order already, so this merges what the intervals contribute.
      return due.sort((a, b) => a.scheduledAt - b.scheduledAt || compare(a.monitor.id, b.monitor.id));
    },
    roundOf(monitor, region, instant) {
      const firstDue = firstDueAt(monitor, expand(monitor.regions), region);
      const round = Math.max(0, roundAt(firstDue, monitor.intervalMs, instant));
      return { round, dueAt: dueAt(firstDue, monitor.intervalMs, round) };
    },
  };
}

/** Takes off the places that ended well before a slot: a slot may be read again, and by then out of order. */
function sweep(wheel: Wheel, at: number, spot: Spot, slot: number): void {
  spot.places = spot.places.filter(({ until }) => until > slot - SLOTS_KEPT);
  if (spot.places.length === 0) wheel.delete(at);
}

/** What `all` stood for before so many changes is forgotten; what was due then is no vote any more. */
const MEMBERSHIPS_KEPT = 50;

/** Slots further back than this are never read again. */
const SLOTS_KEPT = 60;

/** The place of a slot on the wheel of an interval. */
function spotOf(slot: number, intervalMs: number): number {
  return slot % (intervalMs / SLOT_MS);
}

/** By instant, then by id: everything in a spot is of one interval. */
function putInOrder(spot: Spot, intervalMs: number): void {
  if (spot.inOrder) return;
  spot.places.sort(
    (a, b) => (a.firstDue % intervalMs) - (b.firstDue % intervalMs) || compare(a.monitor.id, b.monitor.id),
  );
  spot.inOrder = true;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function getOrMake<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}

/** The regions in which something is to be checked, in ascending order. */
export function wantedRegions({ monitors, expand }: Pick<Schedule, "monitors" | "expand">): string[] {
  const wanted = new Set<string>();
  let hasAll = false;
  for (const { enabled, regions } of monitors.values()) {
    if (!enabled || (hasAll && regions === "all")) continue;
    hasAll ||= regions === "all";
    for (const region of expand(regions)) wanted.add(region);
  }
  return [...wanted].sort();
}
