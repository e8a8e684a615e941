/**
 * Time as an explicit dependency. `now` is wall-clock time for what is written
 * down and compared between machines; `monotonic` is for durations only.
 */
export interface Clock {
  /** Milliseconds since the Unix epoch, with a fraction. */
  now(): number;
  /** Milliseconds since an arbitrary start; never goes backwards. */
  monotonic(): number;
}

/** Wall and monotonic readings closer than this are one clock; Date.now() cuts fractions. */
const STEP_MS = 5;

/**
 * The machine's clock with sub-millisecond resolution: the monotonic clock,
 * anchored to the wall clock, and anchored again when the two come apart (a step
 * by NTP, a suspended machine).
 */
export function systemClock(): Clock {
  let anchor = Date.now() - performance.now();
  return {
    now() {
      const time = anchor + performance.now();
      const wall = Date.now();
      if (Math.abs(wall - time) <= STEP_MS) return time;
      anchor = wall - performance.now();
      return wall;
    },
    monotonic: () => performance.now(),
  };
}

/** ISO 8601 in UTC with milliseconds, from milliseconds since the epoch. */
export function isoTime(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
