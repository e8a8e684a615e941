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

const timePattern = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2})))?$/;

/** What `parseTime` takes, in words. */
export const timeRule = "must be a time in ISO 8601 with its offset, such as 2026-01-31T12:00:00Z, or a day of UTC";

/**
 * Milliseconds since the epoch of a time that a person wrote: ISO 8601 with its offset from UTC, or
 * a day, which begins at midnight UTC. Null for all else, also for a time without an offset: it
 * would be another one on every machine.
 */
export function parseTime(text: string): number | null {
  const [, day, time = "00:00Z"] = timePattern.exec(text) ?? [];
  if (day === undefined || !isDay(day)) return null;
  const ms = Date.parse(`${day}T${time}`);
  return Number.isNaN(ms) ? null : ms;
}

/** Date.parse takes the 31st of February for the 3rd of March. */
function isDay(date: string): boolean {
  const instant = Date.parse(`${date}T00:00Z`);
  return !Number.isNaN(instant) && isoTime(instant).startsWith(date);
}
