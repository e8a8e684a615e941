import { setImmediate as nextTurn } from "node:timers/promises";
import type { Monitor } from "../../shared/monitor.ts";
import { graceMs } from "../incidents/follow.ts";
import type { Incident } from "../incidents/incident.ts";
import type { Revision } from "../schedule/history.ts";
import type { IncidentStore } from "../store/incident-store.ts";
import type { JudgedStore } from "../store/judged.ts";
import type { MonitorStore } from "../store/monitors.ts";
import type { RegionStore } from "../store/regions.ts";
import { CONFIRM_WAIT_MS } from "../verdict/machine.ts";
import type { Policy } from "../verdict/verdict.ts";
import { freshnessMs } from "../verdict/verdict.ts";
import type { Difference } from "./compare.ts";
import { compare, isWithin, outlineOf } from "./compare.ts";
import type { History } from "./history.ts";
import type { ReplayInput, Stored } from "./replay.ts";
import { createReplay, questionsOf } from "./replay.ts";
import { wasVote } from "./was-vote.ts";

/** So many results are judged again at most: two weeks of three regions every 20 s. */
const MAX_RESULTS = 200_000;
/** After so many results others have their turn. */
const AT_ONCE = 500;
const MAX_INCIDENTS = 1_000;
/** How often it is looked further back for an instant without an incident. */
const MAX_LOOKS_BACK = 100;

export interface RejudgeDeps {
  readonly monitors: Pick<MonitorStore, "history">;
  readonly regions: Pick<RegionStore, "history">;
  readonly incidents: Pick<IncidentStore, "list">;
  readonly judged: JudgedStore;
}

export interface Rejudged {
  readonly difference: Difference;
  /** Whether judging by the policy of the time gives the very incidents that were recorded. */
  readonly isFaithful: boolean;
  readonly results: number;
}

/** There are more results, or incidents, than are judged again in one go. */
export class TooMuch extends Error {}

/**
 * Judges what is stored of a monitor again, and compares the incidents that come of it
 * with those that were recorded, of a window from `from` to below `to`.
 * @param quorum instead of the quorum that the monitor had; null for that.
 * @throws TooMuch
 */
export async function rejudge(
  { monitors, regions, incidents, judged }: RejudgeDeps,
  monitor: Monitor,
  { from, to, quorum, now }: { from: number; to: number; quorum: Policy["quorum"] | null; now: number },
): Promise<Rejudged> {
  const revisions = await monitors.history(monitor.id);
  const longest = Math.max(...revisions.map(({ spec }) => (spec ? freshnessMs(spec) : 0)));
  const grace = Math.max(...revisions.map(({ spec }) => (spec ? graceMs(spec.intervalMs) : 0)));
  const recorded = (window: { from: number; to: number }): Promise<Incident[]> =>
    incidents.list({ monitorId: monitor.id, ...window, ...anyIncident, limit: MAX_INCIDENTS + 1 });

  const begin = await calmBefore(from);
  const live = await recorded({ from, to });
  if (live.length > MAX_INCIDENTS) throw new TooMuch(`there are more than ${MAX_INCIDENTS} incidents in this time`);
  const end = endOf(live, to, now);
  const [known, impairments, holds, maintenance, results] = await Promise.all([
    regions.history(),
    judged.impairments(begin, end),
    judged.holds(monitor.id, begin, end),
    judged.maintenance(monitor.id, begin, end),
    judged.results({ monitorId: monitor.id, from: begin, to: end, lifetimeMs: longest, limit: MAX_RESULTS + 1 }),
  ]);
  if (results.length > MAX_RESULTS) throw new TooMuch(`there are more than ${MAX_RESULTS} results in this time`);

  const history: History = { revisions, regions: known, impairments, holds, maintenance };
  const votes = results.filter((result) => wasVote(monitor.id, history, result));
  const input = { history, begin, asked: questionsOf(votes) };
  const inWindow = (some: readonly Incident[]) => some.map(outlineOf).filter((one) => isWithin(one, from, to));
  const compared = async (by: ReplayInput["quorum"]): Promise<Difference> =>
    compare(inWindow(live).reverse(), inWindow(await run({ ...input, quorum: by }, votes, end)));

  const asLive = await compared(null);
  const isFaithful = asLive.changed.length + asLive.onlyLive.length + asLive.onlyReplayed.length === 0;
  return { difference: quorum === null ? asLive : await compared(quorum), isFaithful, results: results.length };

  /** An instant from which on the votes are known by `instant`, with no incident open, or about to be taken up again. */
  async function calmBefore(instant: number): Promise<number> {
    const first = (revisions[0] as Revision).validFrom;
    let calm = instant - 2 * longest;
    for (let looks = 0; looks < MAX_LOOKS_BACK && calm > first; looks++) {
      const open = await recorded({ from: calm - grace, to: calm });
      if (open.length === 0) return calm;
      calm = Math.min(...open.map(({ startedAt }) => startedAt)) - 2 * longest;
    }
    return Math.max(first, calm);
  }
}

const anyIncident = { open: null, region: null, level: null, after: null };

/** When what began in the window is over. */
function endOf(live: readonly Incident[], to: number, now: number): number {
  const ends = live.map(({ resolvedAt }) => (resolvedAt === null ? now : resolvedAt + CONFIRM_WAIT_MS));
  return Math.min(now, Math.max(to, ...ends));
}

/** Judging takes a few µs per result; what else there is to do comes in between. */
async function run(input: ReplayInput, results: readonly Stored[], end: number): Promise<readonly Incident[]> {
  const replay = createReplay(input);
  for (let from = 0, to = 0; from < results.length; from = to) {
    to = Math.min(results.length, from + AT_ONCE);
    while (to < results.length && results[to]?.receivedAt === results[to - 1]?.receivedAt) to++;
    replay.take(results.slice(from, to));
    await nextTurn();
  }
  return replay.end(end);
}
