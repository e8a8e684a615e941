import type { MonitorSpec } from "../../shared/monitor.ts";

/** What the due times of a monitor depend on. */
export type Timing = Pick<MonitorSpec, "intervalMs" | "stagger"> & { readonly id: string };

/**
 * The instant of round 0 in a region, in whole ms since the epoch:
 * `phase(monitor) + stagger(region)`. Round k is due k intervals later, so that
 * any coordinator computes the same times from the same monitor.
 * @param regions the monitor's regions in ascending order; `region` is one of them.
 */
export function firstDueAt(timing: Timing, regions: readonly string[], region: string): number {
  const rank = timing.stagger ? Math.max(0, regions.indexOf(region)) : 0;
  return phaseMs(timing.id, timing.intervalMs) + Math.floor((rank * timing.intervalMs) / Math.max(1, regions.length));
}

/** Where in its interval a monitor's rounds begin, in whole ms from 0 to below the interval; spread evenly over ids. */
export function phaseMs(monitorId: string, intervalMs: number): number {
  return hash32(monitorId) % intervalMs;
}

/** The last round due at or before an instant. */
export function roundAt(firstDue: number, intervalMs: number, instant: number): number {
  return Math.floor((instant - firstDue) / intervalMs);
}

/** No check waits longer than this for an agent, in ms, however long its interval. */
const MAX_WAIT_MS = 60_000;

/** How long a check may wait for an agent before it is over, in ms: until its next round, and a minute at the longest. */
export function longestWaitMs({ intervalMs }: Pick<Timing, "intervalMs">): number {
  return Math.min(intervalMs, MAX_WAIT_MS);
}

/**
 * Whether the rhythm of a monitor has a check in a region.
 * @param regions the monitor's regions at that instant, in ascending order.
 */
export function isDue(
  timing: Timing,
  regions: readonly string[],
  { region, round, scheduledAt }: { readonly region: string; readonly round: number; readonly scheduledAt: number },
): boolean {
  return (
    regions.includes(region) && dueAt(firstDueAt(timing, regions, region), timing.intervalMs, round) === scheduledAt
  );
}

/** No check is made before its time; so far, in ms, may the clocks of agents and coordinators be apart. */
export const MAX_EARLY_MS = 5_000;

/** The instant of a round, in ms since the epoch. */
export function dueAt(firstDue: number, intervalMs: number, round: number): number {
  return firstDue + round * intervalMs;
}

/**
 * FNV-1a over UTF-16 code units, finished by MurmurHash3's fmix32 so that ids
 * which differ in one character land far apart.
 * Sources: draft-eastlake-fnv; A. Appleby, MurmurHash3.
 */
export function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
