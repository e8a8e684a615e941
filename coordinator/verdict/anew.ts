import type { VerdictState } from "./state.ts";
import { initialState } from "./state.ts";

/**
 * What is remembered of a monitor after a change of what is judged: nothing but what
 * was established, and told, so that finding the same again is no news; in a pause not
 * even that. Votes from before were about another target.
 */
export function judgedAnew(was: VerdictState, enabled: boolean, at: number): VerdictState {
  const anew: VerdictState = { ...initialState, verdict: enabled ? "unknown" : "paused", at, votesFrom: at };
  if (!enabled) return anew;
  const { settled, silent, flapping, changes } = was;
  return { ...anew, before: settled === "unknown" ? was.before : settled, silent, flapping, changes };
}
