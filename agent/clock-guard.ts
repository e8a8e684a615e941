import type { ClockSync } from "./clock-sync.ts";

/** How far off the corrected clock may be, in ms. With the drift that is allowed for, a good sample lasts for 4.6 hours. */
const MAX_ERROR_MS = 500;
/** From there on, in ms, it is good enough again. */
const GOOD_ERROR_MS = 400;
/** How long it may be further off, in ms, once it was good: a busy network passes. */
const WIDE_FOR_MS = 15_000;
/** An offset that has jumped so often in this time, in ms, is not to be trusted. */
const MAX_JUMPS = 3;
const JUMPS_WITHIN_MS = 60_000;

/**
 * Says why the clock cannot be corrected to the coordinator's; null when it can. Times of
 * checks come from the corrected clock, so without one there are to be no checks. How far
 * off the machine's own clock is does not matter. While the coordinator is away the last
 * samples go on counting, for as long as the drift since allows.
 */
export function createClockGuard(
  sync: Pick<ClockSync, "estimate" | "isSettled" | "jumpsWithin">,
  monotonic: () => number,
): () => string | null {
  /** Since when it is too far off; null while it is not. */
  let wideSince: number | null = null;
  let wasGood = false;
  let isTooWide = false;

  function look(errorMs: number): boolean {
    const now = monotonic();
    if (errorMs <= (isTooWide ? GOOD_ERROR_MS : MAX_ERROR_MS)) {
      wideSince = null;
      wasGood = true;
      return false;
    }
    wideSince ??= now;
    return isTooWide || !wasGood || now - wideSince >= WIDE_FOR_MS;
  }

  return () => {
    const estimate = sync.estimate();
    const jumps = sync.jumpsWithin(JUMPS_WITHIN_MS);
    if (jumps >= MAX_JUMPS) return `the clock's offset jumped ${jumps} times within ${JUMPS_WITHIN_MS / 1_000} s`;
    if (estimate === null) {
      const since = jumps > 0 ? "since this machine's clock was set" : "yet";
      return `no sample of the coordinator's clock ${since}`;
    }
    if (!sync.isSettled) return "the clock's offset has jumped, and is being measured anew";
    isTooWide = look(estimate.errorMs);
    return isTooWide
      ? `the clock may be off by ${Math.round(estimate.errorMs)} ms, more than ${MAX_ERROR_MS} ms`
      : null;
  };
}
