import type { MonitorSpec, Quorum } from "../../shared/monitor.ts";
import type { ResultStatus } from "../../shared/result.ts";

export const verdicts = ["up", "degraded", "down", "unknown", "paused", "maintenance"] as const;
export type Verdict = (typeof verdicts)[number];
/** What can be established about a target; the rest of the verdicts are of the operator's making. */
export type Settled = Extract<Verdict, "up" | "degraded" | "down" | "unknown">;

/** The latest result of one region. */
export interface Vote {
  readonly region: string;
  readonly status: ResultStatus;
  /** The instant of the check, in ms since the epoch; later checks replace earlier ones. */
  readonly scheduledAt: number;
}

/** What a monitor's document says about judging it. */
export type Policy = Pick<MonitorSpec, "enabled" | "intervalMs" | "timeoutMs" | "quorum">;

export interface Judgement {
  readonly verdict: Verdict;
  /** When a vote that counted goes stale, in ms since the epoch, so that the judgement has to be made again; null when none did. */
  readonly staleAt: number | null;
}

/**
 * The verdict over all regions at an instant.
 *
 * A vote counts while it is fresh: for two intervals plus the timeout after its
 * check was due. `error` is no vote, since it was the agent that failed. Then, in
 * this order:
 * - failing votes reach the quorum: `down`;
 * - too few fresh votes to tell: `unknown`;
 * - some fail, or a quorum is degraded: `degraded`;
 * - else `up`.
 *
 * @param regions the regions that have a vote; votes of others are ignored.
 * @param excused those of them whose silence tells nothing yet.
 */
export function judge(
  votes: readonly Vote[],
  regions: readonly string[],
  policy: Policy,
  now: number,
  excused: readonly string[] = [],
): Judgement {
  if (!policy.enabled) return { verdict: "paused", staleAt: null };
  const lifetime = freshnessMs(policy);
  const fresh = votes.filter(
    (vote) => vote.status !== "error" && regions.includes(vote.region) && vote.scheduledAt + lifetime > now,
  );
  const staleAt = fresh.length === 0 ? null : Math.min(...fresh.map((vote) => vote.scheduledAt)) + lifetime;
  const quorum = quorumOf(policy.quorum, regions.length);
  const down = fresh.filter((vote) => vote.status === "down").length;
  const degraded = fresh.filter((vote) => vote.status === "degraded").length;
  if (down >= quorum) return { verdict: "down", staleAt };
  const hasVote = (region: string) => fresh.some((vote) => vote.region === region);
  const awaited = regions.filter((region) => !excused.includes(region) || hasVote(region)).length;
  if (fresh.length < enoughToTell(policy.quorum, awaited)) return { verdict: "unknown", staleAt };
  return { verdict: down > 0 || degraded >= quorum ? "degraded" : "up", staleAt };
}

/** How long a vote counts after its check was due, in ms. */
export function freshnessMs({ intervalMs, timeoutMs }: Pick<Policy, "intervalMs" | "timeoutMs">): number {
  return 2 * intervalMs + timeoutMs;
}

/** How many failing votes make it `down`. Half is not a majority. */
export function quorumOf(quorum: Quorum, regions: number): number {
  if (quorum === "any") return 1;
  if (quorum === "majority") return Math.floor(regions / 2) + 1;
  return Math.max(1, quorum === "all" ? regions : Math.min(quorum, regions));
}

/**
 * How many fresh votes it takes to say anything but `down`. One silent region of
 * three must not make `all` blind, nor `3`, so that those ask for a majority only:
 * when so many do not fail, the quorum of all that have a vote cannot.
 */
function enoughToTell(quorum: Quorum, regions: number): number {
  return Math.min(quorumOf(quorum, regions), quorumOf("majority", regions));
}
