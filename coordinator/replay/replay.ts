import { groupBy } from "../../shared/group-by.ts";
import { follow, graceMs } from "../incidents/follow.ts";
import type { Evidence, Incident } from "../incidents/incident.ts";
import type { Revision } from "../schedule/history.ts";
import { judgedAnew } from "../verdict/anew.ts";
import { inOrder, isNewer, MAX_BEHIND_MS, REST_MS, step } from "../verdict/machine.ts";
import { newcomersOf } from "../verdict/newcomers.ts";
import type { Arrival, Ballot, Doubt, VerdictState } from "../verdict/state.ts";
import { initialState } from "../verdict/state.ts";
import type { Policy } from "../verdict/verdict.ts";
import type { History } from "./history.ts";
import { circumstancesAt, turnsAfter } from "./history.ts";
import { isJudgedAlike } from "./judged-alike.ts";

/** What came twice may have been received so much sooner than is stored, in ms, beside what the agent's clock is off. */
const RECEIVED_BY_MS = 100;

/** A result as it was stored. */
export type Stored = Arrival<Ballot> & { readonly round: number };

export interface ReplayInput {
  readonly history: History;
  /** An instant at which no incident was open, or about to be taken up again; in ms since the epoch. */
  readonly begin: number;
  /** Judges by this quorum instead of the one that each revision has. */
  readonly quorum: Policy["quorum"] | null;
  /** All checks that were asked for outside the schedule, in ascending order of their instants. */
  readonly asked: readonly Question[];
}

/** Checks that were asked for at once. */
export interface Question {
  /** The instant that all of them have, in ms since the epoch. */
  readonly at: number;
  /** From how many regions there is an answer. One alone may have been asked whether it sees anything right. */
  readonly regions: number;
}

/** The questions that some results answer. */
export function questionsOf(results: readonly Stored[]): Question[] {
  const answers = groupBy(
    results.filter(({ attempt }) => attempt > 0),
    ({ scheduledAt }) => scheduledAt,
  );
  return [...answers]
    .map(([at, own]) => ({ at, regions: new Set(own.map(({ region }) => region)).size }))
    .sort((a, b) => a.at - b.at);
}

export interface Replay {
  /** Judges some results; all that were received in one ms have to come at once, and in the order of receipt. */
  take(results: readonly Stored[]): void;
  /** Goes on to an instant without any more results, and says which incidents there were, the oldest first. */
  end(until: number): readonly Incident[];
}

/**
 * Judges a monitor's stored results as if they came in now: by the very machine, and
 * with what it depended on at the time. Nothing is asked of anybody; the answers to a
 * doubt are the extra checks that were made then. Where the doubt began a little
 * sooner here than it did then, because the machine was called later than results
 * came in, it takes on the instant that those checks have. By another quorum it can
 * also begin a little later than they were asked for: what was asked within the last
 * second answers it as well. So can it where a result came twice, a tenth of a second.
 *
 * What a coordinator did not judge, or judged more than 3 s late, can come out
 * otherwise: while PostgreSQL was away the latest result of each region alone was
 * kept for it; a coordinator that was killed had taken results of its last moment that it
 * had not judged, and count as if it had. So can what is not stored any more, or not yet, and, by some ms, which vote
 * had just gone stale when a result came in.
 */
export function createReplay({ history, begin, quorum, asked }: ReplayInput): Replay {
  const turns = turnsAfter(history, begin);
  const incidents: Incident[] = [];
  let revision: Revision | undefined = history.revisions.findLast(({ validFrom }) => validFrom <= begin);
  let state = stateAt(revision, begin);
  let votes: readonly Ballot[] = [];
  let circumstances = revision?.spec ? circumstancesAt(history, revision.spec, revision.validFrom, begin) : null;
  let dueAt: number | null = null;
  let nextTurn = 0;
  let nextAsked = 0;

  function judge(arrivals: readonly Stored[], now: number): void {
    if (!revision?.spec || !circumstances) return;
    const { enabled, intervalMs, timeoutMs, quorum: own } = revision.spec;
    const policy: Policy = { enabled, intervalMs, timeoutMs, quorum: quorum ?? own };
    const { flapping } = state;
    const newcomers = newcomersOf(circumstances.cameUpAt, policy, revision.validFrom);
    // All that fell due by now has been looked at.
    const outcome = step({ state: { ...state, at: now }, votes, policy, ...circumstances, newcomers }, arrivals, now);
    ({ state, votes, dueAt } = outcome);
    if (outcome.effects.length === 0) return;
    const course = follow({
      monitorId: "",
      incident: incidents.at(-1) ?? null,
      effects: outcome.effects,
      flapping,
      settled: state.settled,
      graceMs: graceMs(intervalMs),
      newId: () => String(incidents.length),
      evidenceOf,
    });
    if (course.incident) incidents[Number(course.incident.id)] = course.incident;
    if (state.doubt && outcome.effects.at(-1)?.type === "confirm") takeInstant(state.doubt);
  }

  function takeInstant(doubt: Doubt): void {
    const from = doubt.at - (quorum === null ? RECEIVED_BY_MS : REST_MS);
    while ((asked[nextAsked]?.at ?? Number.POSITIVE_INFINITY) < from) nextAsked++;
    const near: Question[] = [];
    for (let n = nextAsked; (asked[n]?.at ?? Number.POSITIVE_INFINITY) <= doubt.at + MAX_BEHIND_MS; n++)
      near.push(asked[n] as Question);
    // That of everybody, before any that was put to one region alone.
    const toMany = ({ regions }: Question) => Number(regions > 1);
    const distance = ({ at }: Question) => Math.abs(at - doubt.at);
    const [best = asked[nextAsked]] = near.sort((a, b) => toMany(b) - toMany(a) || distance(a) - distance(b));
    if (best === undefined || best.at > doubt.until) return;
    state = { ...state, doubt: { ...doubt, at: best.at, until: doubt.until + best.at - doubt.at } };
    if (best.at < doubt.at) takeAnswers(best.at);
  }

  /** Those that are there already; they may be all. */
  function takeAnswers(instant: number): void {
    const given = votes.filter(({ scheduledAt, attempt }) => scheduledAt === instant && attempt > 0);
    const answers = Object.fromEntries(given.map(({ region, status }) => [region, status]));
    if (state.doubt) state = { ...state, doubt: { ...state.doubt, answers } };
    judge([], state.at);
  }

  function turn(): void {
    const { at, revision: next, wakes, releases } = turns[nextTurn++] as (typeof turns)[number];
    if (next) change(next);
    if (!revision?.spec) return;
    circumstances = circumstancesAt(history, revision.spec, revision.validFrom, at);
    const instant = Math.floor(at);
    // It was looked at then, and not when it would have been here.
    if (releases && state.doubt?.heldBy) state = { ...state, doubt: { ...state.doubt, until: instant } };
    if (wakes) judge([], instant);
  }

  function change(next: Revision): void {
    const before = revision?.spec;
    revision = next;
    if (!next.spec || (before && isJudgedAlike(before, next.spec))) return;
    votes = [];
    dueAt = null;
    state = judgedAnew(state, next.spec.enabled, next.validFrom);
    const last = incidents.at(-1);
    if (last && !next.spec.enabled && last.resolvedAt === null)
      incidents[incidents.length - 1] = { ...last, resolvedAt: next.validFrom, resolution: "paused" };
  }

  /** Works through what fell due, and what changed, up to an instant. @param falling up to which what fell due. */
  function goTo(until: number, falling = until): void {
    for (;;) {
      const due = dueAt ?? Number.POSITIVE_INFINITY;
      const turnAt = turns[nextTurn]?.at ?? Number.POSITIVE_INFINITY;
      if (due > falling && turnAt > until) return;
      if (turnAt <= due) turn();
      else judge([], due);
    }
  }

  return {
    take(results) {
      for (let from = 0, to = 0; from < results.length; from = to) {
        const { receivedAt } = results[from] as Stored;
        while (results[to]?.receivedAt === receivedAt) to++;
        // What falls due in the very instant is looked at with what comes in it.
        goTo(receivedAt, receivedAt - 1);
        const validFrom = revision?.validFrom ?? receivedAt;
        const arrivals = results.slice(from, to).filter(({ scheduledAt }) => scheduledAt >= validFrom);
        if (arrivals.length > 0) judge(latestOf(arrivals), receivedAt);
      }
    },
    end(until) {
      goTo(until);
      return incidents;
    },
  };
}

/** Nothing is known of it but that it was well, or that it was new. */
function stateAt(revision: Revision | undefined, begin: number): VerdictState {
  const enabled = revision?.spec?.enabled ?? true;
  const isNew = revision === undefined || revision.validFrom === begin;
  const was: VerdictState = { ...initialState, settled: isNew ? "unknown" : "up" };
  return { ...judgedAnew(was, enabled, begin), votesFrom: 0 };
}

/** Of what a region sent at once the latest alone is judged, beside answers to questions, as when it came in. */
function latestOf(arrivals: readonly Stored[]): Stored[] {
  const latest = new Map<string, Stored>();
  for (const arrival of [...arrivals].sort(inOrder)) {
    const key = `${arrival.region} ${arrival.attempt > 0 ? arrival.scheduledAt : ""}`;
    const other = latest.get(key);
    if (!other || isNewer(arrival, other)) latest.set(key, arrival);
  }
  return [...latest.values()];
}

/** Of what a region saw only how it judged is looked at here. */
function evidenceOf({ region, status, sideSince, checkedAt }: Ballot): Evidence {
  const unknown = { latencyMs: 0, statusCode: null, address: null, phase: null, error: null, certificate: null };
  return { ...unknown, backSince: null, region, status, since: sideSince, checkedAt };
}
