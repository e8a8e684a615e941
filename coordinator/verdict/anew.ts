import type { VerdictState } from "./state.ts";
import { initialState } from "./state.ts";

/**
 * What is remembered of a monitor after a change of what is judged: nothing but what
 * was established, so that finding the same again is no news; in a pause not even that.
 * Votes from before were about another target.
 */
export function judgedAnew(was: VerdictState, enabled: boolean, at: number): VerdictState {
  const before = enabled ? (was.settled === "unknown" ? was.before : was.settled) : null;
  return { ...initialState, verdict: enabled ? "unknown" : "paused", before, at, votesFrom: at };
}
