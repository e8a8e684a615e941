import type { Policy } from "./verdict.ts";

/** So many changes within the window are too many to tell of each: three outages and their ends. */
const MANY_CHANGES = 6;
const MIN_WINDOW_MS = 15 * 60_000;
const MIN_CALM_MS = 5 * 60_000;
/** A slow monitor needs longer to change at all. */
const WINDOW_INTERVALS = 10;
const CALM_INTERVALS = 5;

/** The changes that count at an instant, the latest last. */
export function recentChanges(changes: readonly number[], policy: Policy, at: number): number[] {
  const windowMs = Math.max(MIN_WINDOW_MS, WINDOW_INTERVALS * policy.intervalMs);
  return changes.filter((change) => change > at - windowMs).slice(-MANY_CHANGES);
}

/** Whether so many recent changes are flapping. */
export function isFlapping(recent: readonly number[]): boolean {
  return recent.length >= MANY_CHANGES;
}

/** When a flapping monitor counts as settled, if nothing more changes; in ms since the epoch. */
export function calmAt(changes: readonly number[], policy: Policy): number {
  return (changes.at(-1) ?? 0) + Math.max(MIN_CALM_MS, CALM_INTERVALS * policy.intervalMs);
}
