import type { PhaseName, Phases } from "../../shared/result.ts";

/**
 * Times the phases of one check. Each reading of the clock ends one phase and
 * begins the next, so that they sum to the latency by construction.
 */
export interface PhaseTimer {
  /** Ends the current phase and begins this one. A phase entered again, as on a redirect, adds up. */
  enter(phase: PhaseName): void;
  /** The phase that is being timed; null before the first. */
  readonly current: PhaseName | null;
  /** Ends the current phase. Both in ms, to the microsecond. */
  stop(): { readonly latencyMs: number; readonly phases: Phases };
}

export function createPhaseTimer(monotonic: () => number): PhaseTimer {
  const phases: { [phase in PhaseName]?: number } = {};
  // What is done before the first phase is entered counts in it: the deadline counts it too.
  let since = monotonic();
  const settle = () => {
    const { current } = timer;
    if (current === null) return;
    const now = monotonic();
    phases[current] = (phases[current] ?? 0) + now - since;
    since = now;
  };
  // Not a getter: for every object literal with one, V8 makes a hidden class of its own.
  const timer = {
    current: null as PhaseName | null,
    enter(phase: PhaseName) {
      settle();
      timer.current = phase;
    },
    stop() {
      settle();
      timer.current = null;
      let latencyMs = 0;
      for (const name in phases) {
        const phase = name as PhaseName;
        const ms = toMicroseconds(phases[phase] as number);
        phases[phase] = ms;
        latencyMs += ms;
      }
      return { latencyMs: toMicroseconds(latencyMs), phases };
    },
  };
  return timer;
}

function toMicroseconds(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
