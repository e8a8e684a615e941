/** How late the checks of the last minute began. */
export interface Lateness {
  add(ms: number): void;
  /** Null of no checks. Each is at most a tenth too high. */
  summary(): { readonly p50Ms: number; readonly p99Ms: number; readonly checks: number } | null;
}

/** The minute is counted in so many parts, of which the oldest goes when a new one begins. */
const PARTS = 6;
const PART_MS = 10_000;
/** Every step of the scale is a tenth above the one before: from 0.1 ms to a day in 217 of them. */
const FIRST_MS = 0.1;
const GROWTH = 1.1;
const STEPS = 217;

/** A histogram: what it costs does not depend on how many checks there are. */
export function createLateness(monotonic: () => number): Lateness {
  const parts = Array.from({ length: PARTS }, () => new Uint32Array(STEPS));
  let part = Math.floor(monotonic() / PART_MS);

  function turn(): void {
    const now = Math.floor(monotonic() / PART_MS);
    for (part = Math.max(part, now - PARTS); part < now; ) parts[++part % PARTS]?.fill(0);
  }

  return {
    add(ms) {
      turn();
      const counts = parts[part % PARTS] as Uint32Array;
      const step = stepOf(ms);
      counts[step] = (counts[step] as number) + 1;
    },
    summary() {
      turn();
      const counts = Array.from({ length: STEPS }, (_, step) =>
        parts.reduce((sum, each) => sum + (each[step] as number), 0),
      );
      const checks = counts.reduce((sum, count) => sum + count, 0);
      if (checks === 0) return null;
      return { p50Ms: quantile(counts, checks * 0.5), p99Ms: quantile(counts, checks * 0.99), checks };
    },
  };
}

function stepOf(ms: number): number {
  if (!(ms > FIRST_MS)) return 0;
  return Math.min(STEPS - 1, Math.ceil(Math.log(ms / FIRST_MS) / Math.log(GROWTH)));
}

/** The upper end of the step at which so many have been counted. */
function quantile(counts: readonly number[], wanted: number): number {
  let seen = 0;
  const step = counts.findIndex((count) => {
    seen += count;
    return seen >= wanted;
  });
  return Math.round(FIRST_MS * GROWTH ** step * 10) / 10;
}
