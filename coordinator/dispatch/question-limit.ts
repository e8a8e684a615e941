import type { Clock } from "../../shared/clock.ts";

/** So often a minute everybody is asked about one monitor; an outage takes one or two questions. */
export const MAX_QUESTIONS = 12;
const MINUTE_MS = 60_000;

/**
 * Keeps a target that changes with every check from being asked about without end: of one
 * monitor so many questions a minute are let through. What is not asked costs no verdict:
 * its doubt ends by the checks that come in turn.
 */
export interface QuestionLimit {
  /** Whether a question about a monitor may be asked now; one that may counts as asked. */
  allows(monitorId: string): boolean;
}

export function createQuestionLimit(clock: Pick<Clock, "monotonic">): QuestionLimit {
  /** When each monitor was asked about in the last minute, by the monotonic clock. */
  const asked = new Map<string, readonly number[]>();
  let sweptAt = clock.monotonic();

  function sweep(now: number): void {
    if (now - sweptAt < MINUTE_MS) return;
    sweptAt = now;
    for (const [id, instants] of asked) if (now - (instants.at(-1) ?? 0) >= MINUTE_MS) asked.delete(id);
  }

  return {
    allows(monitorId) {
      const now = clock.monotonic();
      sweep(now);
      const recent = (asked.get(monitorId) ?? []).filter((at) => now - at < MINUTE_MS);
      if (recent.length >= MAX_QUESTIONS) return false;
      asked.set(monitorId, [...recent, now]);
      return true;
    },
  };
}
