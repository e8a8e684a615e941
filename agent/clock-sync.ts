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
  /** Whether the samples since the last jump agree; true when there was none. */
  readonly isSettled: boolean;
  /** How often the offset has jumped in the last so many ms, at most MAX_JUMPS_KEPT: either clock was set. */
  jumpsWithin(ms: number): number;
  /** The machine's clock, corrected to the coordinator's; as it is while there is no estimate. */
  readonly clock: Clock;
}

/** How many samples are kept: RFC 5905 §10, the clock filter. */
const SAMPLES = 8;
/** How much two machines' clocks may drift apart: PHI of RFC 5905 §7.2, 15 ppm, for each of them. */
const DRIFT = 30e-6;
/** A machine's clock that moved this much against its monotonic one was set: earlier samples say nothing any more. */
const STEP_MS = 100;
/** Samples that contradict each other by less, in ms, are the grain of two systemClock()s, and no jump. */
const GRAIN_MS = 10;
/** So many samples have to agree after a jump. */
const SETTLED_SAMPLES = 3;
const MAX_JUMPS_KEPT = 10;

interface Kept extends ClockEstimate {
  /** Monotonic time. */
  readonly at: number;
  /** The machine's clock minus its monotonic one. */
  readonly anchor: number;
}

/**
 * Estimates the coordinator's time from samples. The one with the shortest round
 * trip counts, because half the round trip bounds its error; older ones count for
 * less, by the drift since. Samples that contradict each other say that either clock was
 * set: those before are dropped.
 */
export function createClockSync(system: Clock): ClockSync {
  let samples: Kept[] = [];
  let best: Kept | null = null;
  /** By the monotonic clock. */
  let jumps: number[] = [];

  function jump(): void {
    samples = [];
    best = null;
    jumps = [...jumps.slice(1 - MAX_JUMPS_KEPT), system.monotonic()];
  }

  const bound = (sample: Kept, now: number) => sample.errorMs + DRIFT * (now - sample.at);
  const current = (): Kept | null => {
    if (best !== null && Math.abs(system.now() - system.monotonic() - best.anchor) > STEP_MS) jump();
    return best;
  };

  return {
    add({ t0, t1, t2, t3 }) {
      const roundTrip = t3 - t0 - (t2 - t1);
      // The machine's clock was set in between, or the answer is nonsense.
      if (!(roundTrip >= 0) || t2 < t1) return;
      const before = current();
      const now = system.monotonic();
      const sample = {
        offsetMs: (t0 - t1 + (t3 - t2)) / 2,
        errorMs: roundTrip / 2,
        at: now,
        anchor: system.now() - now,
      };
      if (before !== null) {
        const contradiction = Math.abs(sample.offsetMs - before.offsetMs) - sample.errorMs - bound(before, now);
        if (contradiction > STEP_MS) jump();
        else if (contradiction > GRAIN_MS) samples = [];
      }
      samples = [...samples.slice(1 - SAMPLES), sample];
      best = samples.reduce((least, each) => (bound(each, now) < bound(least, now) ? each : least));
    },
    estimate() {
      const sample = current();
      return sample && { offsetMs: sample.offsetMs, errorMs: bound(sample, system.monotonic()) };
    },
    get isSettled() {
      return jumps.length === 0 || samples.length >= SETTLED_SAMPLES;
    },
    jumpsWithin: (ms) => jumps.filter((at) => system.monotonic() - at < ms).length,
    clock: {
      now: () => system.now() - (current()?.offsetMs ?? 0),
      monotonic: system.monotonic,
    },
  };
}
