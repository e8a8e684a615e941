import type { Clock } from "../shared/clock.ts";

/** One exchange with the coordinator, RFC 5905 §8: t0 and t3 by this machine's clock, t1 and t2 by the coordinator's. */
export interface ClockSample {
  readonly t0: number;
  readonly t1: number;
  readonly t2: number;
  readonly t3: number;
}

export interface ClockEstimate {
  /** The machine's clock minus the coordinator's, in ms. */
  readonly offsetMs: number;
  /** How far off the offset may be, in ms. */
  readonly errorMs: number;
}

export interface ClockSync {
  add(sample: ClockSample): void;
  /** Null before the first sample, and after a step of the machine's clock. */
  estimate(): ClockEstimate | null;
  /** The machine's clock, corrected to the coordinator's; as it is while there is no estimate. */
  readonly clock: Clock;
}

/** How many samples are kept: RFC 5905 §10, the clock filter. */
const SAMPLES = 8;
/** How much two machines' clocks may drift apart: PHI of RFC 5905 §7.2. */
const DRIFT = 15e-6;
/** A machine's clock that moved this much against its monotonic one was set: earlier samples say nothing any more. */
const STEP_MS = 100;

interface Kept extends ClockEstimate {
  /** Monotonic time. */
  readonly at: number;
  /** The machine's clock minus its monotonic one. */
  readonly anchor: number;
}

/**
 * Estimates the coordinator's time from samples. The one with the shortest round
 * trip counts, because half the round trip bounds its error; older ones count for
 * less, by the drift since.
 */
export function createClockSync(system: Clock): ClockSync {
  let samples: Kept[] = [];
  let best: Kept | null = null;

  const bound = (sample: Kept, now: number) => sample.errorMs + DRIFT * (now - sample.at);
  const current = (): Kept | null => {
    if (best !== null && Math.abs(system.now() - system.monotonic() - best.anchor) > STEP_MS) {
      samples = [];
      best = null;
    }
    return best;
  };

  return {
    add({ t0, t1, t2, t3 }) {
      const roundTrip = t3 - t0 - (t2 - t1);
      // The machine's clock was set in between, or the answer is nonsense.
      if (!(roundTrip >= 0) || t2 < t1) return;
      current();
      const now = system.monotonic();
      const sample = {
        offsetMs: (t0 - t1 + (t3 - t2)) / 2,
        errorMs: roundTrip / 2,
        at: now,
        anchor: system.now() - now,
      };
      samples = [...samples.slice(1 - SAMPLES), sample];
      best = samples.reduce((least, each) => (bound(each, now) < bound(least, now) ? each : least));
    },
    estimate() {
      const sample = current();
      return sample && { offsetMs: sample.offsetMs, errorMs: bound(sample, system.monotonic()) };
    },
    clock: {
      now: () => system.now() - (current()?.offsetMs ?? 0),
      monotonic: system.monotonic,
    },
  };
}
