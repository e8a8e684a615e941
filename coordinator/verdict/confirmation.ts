import type { ResultStatus } from "../../shared/result.ts";
import { seenBy } from "./picture.ts";
import type { Ballot, Doubt, VerdictState } from "./state.ts";
import type { Settled } from "./verdict.ts";

/** What a region answered in a doubt. */
export function answerOf({ answers }: Doubt, region: string): ResultStatus | undefined {
  return Object.hasOwn(answers, region) ? answers[region] : undefined;
}

/**
 * Whether a verdict rests on more than silence and the first word of one region.
 * Two regions that fail are more than that. Else, without any one word that is new
 * and was neither an answer nor said before, the verdict has to be the same.
 * @param votes all that are fresh.
 * @param judge what the verdict would be with other votes.
 */
export function isConfirmed<B extends Ballot>(
  state: VerdictState,
  doubt: Doubt,
  verdict: Settled,
  votes: readonly B[],
  judge: (votes: readonly B[]) => Settled,
): boolean {
  const since = state.unheardSince ?? doubt.at;
  const isHeard = ({ region, status, scheduledAt, checkedAt, sideSince }: B) =>
    answerOf(doubt, region) === status || (scheduledAt > since && sideSince !== checkedAt);
  const isNews = ({ region, status }: B) => state.settled === "unknown" || status !== seenBy(state, region);
  // Then it is that votes ran out, or that the policy is another.
  if (!votes.some(isNews)) return votes.some(isHeard);
  if (verdict === "down" && votes.filter(({ status }) => status === "down").length > 1) return true;
  const without = (one: B) =>
    state.settled === "unknown"
      ? votes.filter((vote) => vote !== one)
      : votes.map((vote) => (vote === one ? { ...vote, status: seenBy(state, vote.region) } : vote));
  return votes.every((vote) => !isNews(vote) || isHeard(vote) || judge(without(vote)) === verdict);
}
