import type { Complaint } from "./complaints.ts";
import type { AgentTrouble, TroubleKind, TroubleResolution } from "./trouble.ts";
import { keyOf } from "./trouble.ts";

/** How long something has to be wrong before it is told, and well before that is told, in ms. */
export const patience: Readonly<Record<TroubleKind, { readonly tellMs: number; readonly endMs: number }>> = {
  region_without_agents: { tellMs: 15_000, endMs: 5_000 },
  agent_offline: { tellMs: 15_000, endMs: 10_000 },
  // Longer than the minute that lateness is told of: a moment is not enough.
  agent_lagging: { tellMs: 90_000, endMs: 60_000 },
  spool_full: { tellMs: 5_000, endMs: 60_000 },
  clock_refused: { tellMs: 10_000, endMs: 10_000 },
};

/**
 * A coordinator that has just started, or could not look for a while, waits so long, in ms,
 * before it counts: agents that lost their link come back within that.
 */
export const GRACE_MS = 30_000;
/** Looks that are further apart, in ms, may have missed something. */
export const MAX_GAP_MS = 5_000;

/** What is remembered from look to look. Times are ms since the epoch. */
export interface Memory {
  /** From when on it counts. */
  readonly countsFrom: number;
  readonly lookedAt: number;
  /** Since when each trouble that is not told has been seen at every look. */
  readonly badSince: ReadonlyMap<string, number>;
  /** Since when each trouble that is told has not been seen. */
  readonly wellSince: ReadonlyMap<string, number>;
}

export interface Decision {
  readonly memory: Memory;
  /** To be told now. */
  readonly begun: ReadonlyArray<Complaint & { readonly since: number }>;
  /** Told, and still so. */
  readonly lasting: readonly AgentTrouble[];
  /** Told, and over for long enough. */
  readonly ended: ReadonlyArray<{ readonly trouble: AgentTrouble; readonly resolution: TroubleResolution }>;
}

/**
 * What follows from what is wrong now and what has been told. Decided by every coordinator by
 * itself; which of them tells it the store decides.
 * @param isThere whether there is still somebody whom a trouble could be about
 */
export function decide(
  before: Memory | null,
  complaints: readonly Complaint[],
  open: readonly AgentTrouble[],
  isThere: (trouble: AgentTrouble) => boolean,
  now: number,
): Decision {
  const hasGap = before === null || now < before.lookedAt || now - before.lookedAt > MAX_GAP_MS;
  const memory = hasGap
    ? { countsFrom: now + GRACE_MS, badSince: new Map<string, number>(), wellSince: new Map<string, number>() }
    : before;
  if (now < memory.countsFrom) {
    const empty = { countsFrom: memory.countsFrom, lookedAt: now, badSince: new Map(), wellSince: new Map() };
    return { memory: empty, begun: [], lasting: [], ended: [] };
  }
  const told = new Map(open.map((trouble) => [keyOf(trouble), trouble]));
  const wrong = new Map(complaints.map((complaint) => [keyOf(complaint), complaint]));
  const untold = [...wrong].filter(([key]) => !told.has(key));
  const badSince = new Map(untold.map(([key]) => [key, memory.badSince.get(key) ?? now]));
  const well = [...told].filter(([key]) => !wrong.has(key));
  const wellSince = new Map(well.map(([key]) => [key, memory.wellSince.get(key) ?? now]));
  return {
    memory: { countsFrom: memory.countsFrom, lookedAt: now, badSince, wellSince },
    begun: untold.flatMap(([key, complaint]) => {
      const from = badSince.get(key) ?? now;
      if (now - from < patience[complaint.kind].tellMs) return [];
      return [{ ...complaint, since: Math.min(from, now - complaint.forMs) }];
    }),
    lasting: [...told].filter(([key]) => wrong.has(key)).map(([, trouble]) => trouble),
    ended: well
      .filter(([key, { kind }]) => now - (wellSince.get(key) ?? now) >= patience[kind].endMs)
      .map(([, trouble]) => ({ trouble, resolution: isThere(trouble) ? ("recovered" as const) : ("gone" as const) })),
  };
}
