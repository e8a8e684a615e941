/** What people are told of, beside what agents find: a region whose checks nobody makes, and agents that are not well. */
export const troubleKinds = [
  "region_without_agents",
  "agent_offline",
  "agent_lagging",
  "spool_full",
  "clock_refused",
] as const;
export type TroubleKind = (typeof troubleKinds)[number];

/** Why it ended: it is well again, or there is nobody left whom it could be about. */
export const troubleResolutions = ["recovered", "gone"] as const;
export type TroubleResolution = (typeof troubleResolutions)[number];

/** Times are ms since the epoch. */
export interface AgentTrouble {
  readonly id: string;
  readonly kind: TroubleKind;
  readonly region: string;
  /** Null when it is about the region. */
  readonly agentId: string | null;
  /** What its operator called the agent; null without a name. */
  readonly agentName: string | null;
  readonly severity: "critical" | "warning" | "info";
  /** What was found when it was told. */
  readonly detail: string;
  /** When it began, as far as it was seen. */
  readonly since: number;
  /** When it had lasted long enough to be told. */
  readonly openedAt: number;
  readonly resolvedAt: number | null;
  readonly resolution: TroubleResolution | null;
  /** When somebody said that they take care of it: nobody is reminded any more. */
  readonly acknowledgedAt: number | null;
  readonly acknowledgedBy: string | null;
  /** What they had to say. */
  readonly note: string | null;
}

/** What every trouble begins with: not over, and nobody takes care of it yet. */
export const beginning = {
  resolvedAt: null,
  resolution: null,
  acknowledgedAt: null,
  acknowledgedBy: null,
  note: null,
} as const satisfies Partial<AgentTrouble>;

/** Whom it is about: there is one of a kind at a time. */
export function keyOf({ kind, region, agentId }: Pick<AgentTrouble, "kind" | "region" | "agentId">): string {
  return `${kind} ${agentId ?? region}`;
}

/** Trouble in a few words: what it is, and what it is when it is over. */
export const troubleWords: Readonly<Record<TroubleKind, { readonly is: string; readonly over: string }>> = {
  region_without_agents: { is: "no agents", over: "has agents again" },
  agent_offline: { is: "offline", over: "back online" },
  agent_lagging: { is: "lagging", over: "on time again" },
  spool_full: { is: "spool full", over: "spool has room again" },
  clock_refused: { is: "clock refused", over: "clock right again" },
};
