import type { Monitor } from "../../shared/monitor.ts";
import { dueAt, firstDueAt, roundAt } from "./due.ts";

/** Time is cut into slots of one second: slot s holds the instants from s·1000 to below (s+1)·1000 ms since the epoch. */
export const SLOT_MS = 1_000;

/** One check to be made: which monitor, where, which round, when. */
export interface DueCheck {
  readonly monitor: Monitor;
  readonly region: string;
  readonly round: number;
  readonly scheduledAt: number;
}

/**
 * The schedule in memory. For each interval there is a wheel with one place per
 * second of it; a monitor stands, once per region, at the place of its due
 * instant, so that reading a slot costs what is due in it and no more.
 */
export interface Schedule {
  /** Adds a monitor or replaces its earlier revision. One that is not enabled is only remembered. */
  set(monitor: Monitor): void;
  remove(monitorId: string): void;
  get(monitorId: string): Monitor | undefined;
  /** The regions that `regions: all` stands for. */
  setRegions(regions: readonly string[]): void;
  /** The regions that a monitor's `regions` names, in ascending order. */
  expand(regions: Monitor["regions"]): readonly string[];
  /** What is due in a slot, in the same order on every coordinator. */
  dueIn(slot: number): DueCheck[];
  /** The check of a monitor in a region that an extra check at this instant belongs to. */
  roundOf(monitor: Monitor, region: string, instant: number): { readonly round: number; readonly dueAt: number };
  readonly monitors: ReadonlyMap<string, Monitor>;
}

interface Place {
  readonly monitor: Monitor;
  readonly region: string;
  readonly firstDue: number;
}

export function createSchedule(): Schedule {
  const monitors = new Map<string, Monitor>();
  const wheels = new Map<number, Map<number, Place[]>>();
  let allRegions: readonly string[] = [];

  function expand(regions: Monitor["regions"]): readonly string[] {
    return regions === "all" ? allRegions : [...regions].sort();
  }

  function places(monitor: Monitor): Place[] {
    if (!monitor.enabled) return [];
    const regions = expand(monitor.regions);
    return regions.map((region) => ({ monitor, region, firstDue: firstDueAt(monitor, regions, region) }));
  }

  function insert(monitor: Monitor): void {
    for (const place of places(monitor)) {
      const wheel = getOrMake(wheels, monitor.intervalMs, () => new Map<number, Place[]>());
      const spot = getOrMake(wheel, spotOf(place.firstDue, monitor.intervalMs), () => []);
      spot.push(place);
    }
  }

  function withdraw(monitor: Monitor): void {
    const wheel = wheels.get(monitor.intervalMs);
    if (!wheel) return;
    for (const { firstDue } of places(monitor)) {
      const at = spotOf(firstDue, monitor.intervalMs);
      const rest = (wheel.get(at) ?? []).filter((place) => place.monitor.id !== monitor.id);
      if (rest.length > 0) wheel.set(at, rest);
      else wheel.delete(at);
    }
    if (wheel.size === 0) wheels.delete(monitor.intervalMs);
  }

  return {
    monitors,
    expand,
    get: (monitorId) => monitors.get(monitorId),
    set(monitor) {
      const earlier = monitors.get(monitor.id);
      if (earlier) withdraw(earlier);
      monitors.set(monitor.id, monitor);
      insert(monitor);
    },
    remove(monitorId) {
      const monitor = monitors.get(monitorId);
      if (!monitor) return;
      withdraw(monitor);
      monitors.delete(monitorId);
    },
    setRegions(regions) {
      const following = [...monitors.values()].filter((monitor) => monitor.regions === "all");
      for (const monitor of following) withdraw(monitor);
      allRegions = [...regions].sort();
      for (const monitor of following) insert(monitor);
    },
    dueIn(slot) {
      const due: DueCheck[] = [];
      for (const [intervalMs, wheel] of wheels) {
        for (const { monitor, region, firstDue } of wheel.get(slot % (intervalMs / SLOT_MS)) ?? []) {
          const round = roundAt(firstDue, intervalMs, slot * SLOT_MS + SLOT_MS - 1);
          due.push({ monitor, region, round, scheduledAt: dueAt(firstDue, intervalMs, round) });
        }
      }
      return due.sort((a, b) => a.scheduledAt - b.scheduledAt || compare(a.monitor.id, b.monitor.id));
    },
    roundOf(monitor, region, instant) {
      const firstDue = firstDueAt(monitor, expand(monitor.regions), region);
      const round = Math.max(0, roundAt(firstDue, monitor.intervalMs, instant));
      return { round, dueAt: dueAt(firstDue, monitor.intervalMs, round) };
    },
  };
}

/** The place on the wheel of an interval at which an instant falls. */
function spotOf(instant: number, intervalMs: number): number {
  return Math.floor(instant / SLOT_MS) % (intervalMs / SLOT_MS);
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
