import { longestWaitMs } from "../schedule/due.ts";
import { answerOf, isConfirmed } from "./confirmation.ts";
import { calmAt, isFlapping, recentChanges } from "./flapping.ts";
import { begunAt, isSame, pictureOf, seenBy } from "./picture.ts";
import type { Arrival, Ballot, Doubt, Effect, Outcome, Subject, VerdictState } from "./state.ts";
import type { Policy, Settled } from "./verdict.ts";
import { freshnessMs, judge, quorumOf } from "./verdict.ts";

/** How long a confirmation check may wait for an agent and its result be under way, beside the target's own timeout; in ms. */
export const CONFIRM_WAIT_MS = 10_000;
/** Between the end of one doubt and the next, in ms: a target that wavers is not hammered. */
export const REST_MS = 1_000;
/** How long trouble that only suspect regions see is held back, in ms, before it counts after all. */
const HOLD_MS = 30_000;
const HOLD_LOOK_MS = 1_000;
/** How long a result may be on its way to the coordinator, in ms; what takes longer was spooled and tells of the past. */
const DELIVERY_MS = 60_000;
/** What fell due earlier than this before now, in ms, is looked at as of then: nothing is asked, or told, about the past. */
export const MAX_BEHIND_MS = 3_000;

/**
 * The verdict's state machine. Nothing here reads a clock or does anything: it is
 * given what arrived and what time it is, and says what follows.
 *
 * **Votes.** Each region's vote is its latest result by the time its check was due,
 * however results arrive. What comes later than a check may wait, plus its timeout,
 * plus a minute, or when it is not fresh any more, is no vote: it was spooled, and
 * tells of the past. Nor is what was due before the end of a pause. Whatever is settled is what the fresh votes of that
 * instant say (`judge`).
 *
 * **Doubt.** A vote that does not fit what is settled begins a doubt: every voting
 * region, the one that cast it included, is asked for a check at once (`confirm`).
 * Answers are the results of those very checks, known by their instant, so that in
 * which order they come and how often makes no difference. A doubt ends when a quorum
 * of answers fails, when everyone has answered, or when waiting is over. What the
 * votes then say is settled (`settled`), or is what was (`cleared`), if it is
 * confirmed:
 * - It does not rest on the first word of one region, whatever that is. A word is
 *   more than the first when it is the answer to the question, or said again in a
 *   later check; so that an outage is found out even when every question is lost.
 *   Two regions that fail are enough for `down` without an answer.
 * - It does not rest on votes having run out: then someone must have answered.
 *
 * What is not confirmed is asked again, ever more seldom (20 s, 40 s, 2 min, … after
 * the first time) while nothing new is heard, and within a second when it is.
 *
 * **Silence.** Too few fresh votes make it `unknown` without asking, and nothing but
 * `unknown`. A region whose agent fails by itself counts as silent only when it has done
 * so for as long as a vote counts. `up` comes back from that by votes alone, other verdicts by the votes of
 * two regions if they are what was before; all else is a doubt.
 *
 * **Time.** Instants at which something falls due (a vote goes stale, a wait is over)
 * are worked through in order before anything later, so that being called up to 3 s
 * late changes nothing. After a longer absence all that came meanwhile is taken first
 * and looked at as of 3 s ago; a doubt that should have ended then begins anew, since
 * its answers may not have been taken in yet.
 *
 * **Bounds**, for an outage that a quorum sees from its beginning on, with timeout t
 * and interval i: with answers, at the first failing result plus the slowest needed
 * answer; with every answer lost i + t + 10 s, or 2 i + t + 10 s where one region's
 * word is a quorum; plus 1 s and what results are under way.
 *
 * **Storing.** `state.at` and `dueAt` alone need not be stored when a step had no
 * effects, nothing else of the state changed, nothing had fallen due by then, and
 * `dueAt` is not earlier than what is stored; a vote that was taken always has to be.
 *
 * @param arrivals in any order; repeated and outdated ones change nothing.
 * @param now the time up to which to go, in whole ms since the epoch, as all times are.
 */
export function step<B extends Ballot>(
  subject: Subject<B>,
  arrivals: ReadonlyArray<Arrival<B>>,
  now: number,
): Outcome<B> {
  const run: Run<B> = {
    ...subject,
    votes: new Map(subject.votes.map((vote) => [vote.region, vote])),
    effects: [],
    earliest: isOverlayNews(subject)
      ? Math.max(subject.state.at, now)
      : Math.max(subject.state.at, now - MAX_BEHIND_MS, Math.min(now, subject.votingSince ?? 0)),
  };
  const events = arrivals
    .map((arrival) => ({ ...arrival, receivedAt: Math.min(arrival.receivedAt, now) }))
    .filter((arrival) => isInTime(arrival, subject.policy))
    .map((arrival) => ({ ...arrival, receivedAt: Math.max(arrival.receivedAt, run.earliest) }))
    .sort(inOrder);
  // What fell due before the earliest instant is looked at as of then, with all that has come by then.
  run.state = { ...run.state, at: run.earliest };
  let n = 0;
  for (let instant = run.earliest; ; instant = events[n]?.receivedAt as number) {
    // What falls due in the very instant is looked at with what comes in it.
    goTo(run, instant - 1);
    run.state = { ...run.state, at: instant };
    for (let event = events[n]; event?.receivedAt === instant; event = events[++n]) take(run, event);
    look(run, instant);
    if (n === events.length) break;
  }
  goTo(run, now);
  return { state: run.state, votes: [...run.votes.values()], effects: run.effects, dueAt: dueAt(run) };
}

/** A step in the making. */
interface Run<B extends Ballot> extends Omit<Subject<B>, "state" | "votes"> {
  readonly earliest: number;
  state: VerdictState;
  votes: Map<string, B>;
  effects: Effect<B>[];
}

/** The order in which results are taken that are judged at once. */
export function inOrder<B extends Ballot>(a: Arrival<B>, b: Arrival<B>): number {
  return (
    a.receivedAt - b.receivedAt ||
    a.scheduledAt - b.scheduledAt ||
    a.attempt - b.attempt ||
    byText(a.region, b.region) ||
    // Two results of one check: the agent died after the first. The milder counts.
    byText(b.status, a.status)
  );
}

const byText = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1);

/** Works through everything that falls due up to an instant. */
function goTo<B extends Ballot>(run: Run<B>, until: number): void {
  for (let due = dueAt(run); due !== null && due <= until; due = dueAt(run)) look(run, due);
  if (until > run.state.at) run.state = { ...run.state, at: until };
}

/** Whether a result came while it told of the present. */
function isInTime({ scheduledAt, receivedAt }: Arrival<Ballot>, policy: Policy): boolean {
  return (
    receivedAt <=
    scheduledAt + Math.min(freshnessMs(policy) - 1, longestWaitMs(policy) + policy.timeoutMs + DELIVERY_MS)
  );
}

/** Keeps an arrival as its region's vote if it is newer, and as an answer if it was asked for. */
function take<B extends Ballot>(run: Run<B>, { receivedAt: _, ...arrived }: Arrival<B>): void {
  const arrival = arrived as unknown as B;
  const { policy } = run;
  const { region, status, scheduledAt, attempt } = arrival;
  const vote = run.votes.get(region);
  if (vote?.scheduledAt === scheduledAt && vote.attempt === attempt) return;
  const isVote = !vote || isNewer(arrival, vote);
  const { doubt } = run.state;
  const isAnswer = doubt && attempt > 0 && scheduledAt === doubt.at && doubt.asked.includes(region);
  if (isAnswer && (isVote || !answerOf(doubt, region))) {
    run.state = { ...run.state, doubt: { ...doubt, answers: { ...doubt.answers, [region]: status } } };
  }
  if (!isVote) return;
  const goesOn = vote?.status === status && scheduledAt < vote.scheduledAt + freshnessMs(policy);
  run.votes.set(region, { ...arrival, sideSince: goesOn ? vote.sideSince : arrival.checkedAt });
  if (status !== "error" && (!goesOn || run.state.settled === "unknown" || status !== seenBy(run.state, region))) {
    run.state = { ...run.state, restUntil: Math.min(run.state.restUntil, run.state.at + REST_MS) };
  }
}

/** Whether `a` is of a later check than `b`, both of one monitor and region. */
export function isNewer(
  a: Pick<Ballot, "scheduledAt" | "attempt">,
  b: Pick<Ballot, "scheduledAt" | "attempt">,
): boolean {
  return a.scheduledAt > b.scheduledAt || (a.scheduledAt === b.scheduledAt && a.attempt > b.attempt);
}

/** Draws the conclusions that can be drawn at an instant. */
function look<B extends Ballot>(run: Run<B>, at: number): void {
  run.state = { ...run.state, at };
  if (!overlay(run)) return;
  calmDown(run);
  if (run.state.doubt) conclude(run, run.state.doubt);
  if (run.state.doubt) return;
  const votes = fresh(run);
  const observed = observe(run, votes);
  const { settled } = run.state;
  if (
    settled === "unknown"
      ? mayResume(run.state, observed, votes)
      : observed === "unknown" && !isFaultOfAgents(run, votes)
  ) {
    settle(run, observed, votes, null);
  }
  if (isDoubtful(run, observed)) {
    if (at >= run.state.restUntil) suspect(run);
    return;
  }
  run.state = { ...run.state, unheardSince: null };
  if (run.state.settled !== "unknown") redraw(run, votes);
}

/** Keeps the picture as it is seen now, where nothing in it is in doubt: another region that fails while it is down. */
function redraw<B extends Ballot>(run: Run<B>, votes: readonly B[]): void {
  const { state, regions } = run;
  const silent = Object.entries(state.picture).filter(
    ([region]) => regions.includes(region) && !votes.some((vote) => vote.region === region),
  );
  const picture = { ...Object.fromEntries(silent), ...pictureOf(votes) };
  if (isSame(picture, state.picture)) return;
  run.state = { ...state, picture };
  if (state.settled !== "up") run.effects.push({ type: "evidence", at: state.at, evidence: votes });
}

/** What is to be shown in the target's place, and what is. */
function overlays<B extends Ballot>({
  state,
  policy,
  maintenance,
}: Pick<Subject<B>, "state" | "policy" | "maintenance">) {
  const wanted = policy.enabled ? (maintenance ? "maintenance" : null) : "paused";
  const current = state.verdict === "paused" || state.verdict === "maintenance" ? state.verdict : null;
  return { wanted, current } as const;
}

/** It begins or ends when that is heard of, and not before: nothing is asked, or told, of the time that it was on. */
function isOverlayNews<B extends Ballot>(subject: Subject<B>): boolean {
  const { wanted, current } = overlays(subject);
  return wanted !== current;
}

/** Applies pause and maintenance; whether the verdict is about the target. */
function overlay<B extends Ballot>(run: Run<B>): boolean {
  const { state } = run;
  const { wanted, current } = overlays(run);
  if (wanted !== current) {
    if (current) run.effects.push({ type: "overlay", at: state.at, overlay: current, on: false });
    if (wanted) run.effects.push({ type: "overlay", at: state.at, overlay: wanted, on: true });
    release(run);
    // What was seen before a pause says nothing of what is after it.
    const kept =
      wanted === "paused"
        ? { ...state, settled: "unknown" as const, before: null, silent: false, picture: {}, changes: [] }
        : state;
    const votesFrom = current === "paused" ? state.at : state.votesFrom;
    run.state = { ...kept, verdict: wanted ?? kept.settled, doubt: null, unheardSince: null, votesFrom };
  }
  return wanted === null;
}

function calmDown<B extends Ballot>(run: Run<B>): void {
  const { state, policy } = run;
  if (!state.flapping || state.at < calmAt(state.changes, policy)) return;
  run.state = { ...state, flapping: false };
  run.effects.push({ type: "flapping", at: state.at, flapping: false });
}

/** The votes that count now. */
function fresh<B extends Ballot>({ votes, regions, policy, state }: Run<B>): B[] {
  const lifetime = freshnessMs(policy);
  return [...votes.values()]
    .filter(
      ({ region, status, scheduledAt }) =>
        status !== "error" &&
        regions.includes(region) &&
        scheduledAt >= state.votesFrom &&
        scheduledAt + lifetime > state.at,
    )
    .sort((a, b) => byText(a.region, b.region));
}

function observe<B extends Ballot>({ regions, newcomers, policy, state }: Run<B>, votes: readonly B[]): Settled {
  const excused = regions.filter((region) => state.at < (newcomers?.[region] ?? 0));
  return judge(votes, regions, policy, state.at, excused).verdict as Settled;
}

/** Whether votes are too few only since agents failed by themselves: what their regions said before counts no less than in silence. */
function isFaultOfAgents<B extends Ballot>(run: Run<B>, votes: readonly B[]): boolean {
  const faulty = faults(run).map((vote) => ({ ...vote, status: "up" as const }));
  return faulty.length > 0 && observe(run, [...votes, ...faulty]) !== "unknown";
}

/** The regions whose agents fail by themselves, until the vote before that would have run out. */
function faults<B extends Ballot>({ votes, regions, policy, state }: Run<B>): B[] {
  return [...votes.values()].filter(
    (vote) => vote.status === "error" && regions.includes(vote.region) && faultyUntil(vote, policy) > state.at,
  );
}

/** Until when an agent's failing counts for no more than silence: the vote before was due an interval before the first error. */
function faultyUntil({ scheduledAt, sideSince }: Ballot, policy: Policy): number {
  return Math.min(scheduledAt, sideSince - policy.intervalMs) + freshnessMs(policy);
}

/** Whether there would be votes enough if impaired regions had theirs. */
function isForImpaired<B extends Ballot>(run: Run<B>, votes: readonly B[]): boolean {
  const { impaired = [], regions } = run;
  const withdrawn = impaired.map((region) => ({ region, status: "up", scheduledAt: run.state.at }) as B);
  return (
    impaired.length > 0 &&
    observe({ ...run, regions: [...regions, ...impaired] }, [...votes, ...withdrawn]) !== "unknown"
  );
}

/** Whether what is observed ends `unknown` without more ado: first votes that pass, or what was so before. */
function mayResume({ before }: VerdictState, observed: Settled, votes: readonly Ballot[]): boolean {
  if (observed === "up") return before === null || before === "up";
  // One region's word that it goes on is too little: it may have stopped and begun again.
  return observed !== "unknown" && observed === before && votes.filter(({ status }) => status !== "up").length > 1;
}

/** Whether some vote, or all of them together, does not fit what is settled. */
function isDoubtful<B extends Ballot>(run: Run<B>, observed: Settled): boolean {
  const { settled } = run.state;
  if (observed !== settled && observed !== "unknown") return true;
  return fresh(run).some(({ region, status }) => {
    const known = seenBy(run.state, region);
    // What is down is not made more so by another region.
    return settled === "down" ? known === "down" && status !== "down" : status !== "up" && status !== known;
  });
}

function suspect<B extends Ballot>(run: Run<B>): void {
  const { state, regions, policy, isAbsent = () => false } = run;
  // Nobody waits for a region that cannot answer. One that seems so may: it is asked when there is no other.
  const present = regions.filter((region) => !isAbsent(region));
  const asked = [...(present.length === 0 ? regions : present)].sort();
  const at = freeInstant(run);
  const until = state.at + CONFIRM_WAIT_MS + policy.timeoutMs;
  run.state = { ...state, doubt: { at, asked, answers: {}, until } };
  run.effects.push({ type: "confirm", at, regions: asked });
}

/**
 * The first instant from now on that no check has which was asked for and has come: a question of that instant, which
 * another monitor's trouble may have asked, is not asked again, and its result comes no second time.
 */
function freeInstant<B extends Ballot>({ state, votes }: Run<B>): number {
  const taken = new Set([...votes.values()].flatMap(({ attempt, scheduledAt }) => (attempt > 0 ? scheduledAt : [])));
  let at = state.at;
  while (taken.has(at)) at++;
  return at;
}

/** Ends a doubt when it can be ended. */
function conclude<B extends Ballot>(run: Run<B>, doubt: Doubt): void {
  const { regions, policy, state } = run;
  if (doubt.until < run.earliest) {
    // Nobody was there when it should have ended, and the answers may still wait to be taken in.
    release(run);
    run.state = { ...state, doubt: null };
    return;
  }
  const votes = fresh(run);
  const failing = votes.filter(({ region, status }) => status === "down" && answerOf(doubt, region) === "down");
  const isOver =
    state.at >= doubt.until ||
    failing.length >= quorumOf(policy.quorum, regions.length) ||
    doubt.asked.every((region) => !regions.includes(region) || answerOf(doubt, region));
  if (!isOver) return;
  const verdict = observe(run, votes);
  const suspectedAt = state.unheardSince ?? doubt.at;
  const heldUntil = doubt.at + CONFIRM_WAIT_MS + policy.timeoutMs + HOLD_MS;
  if (verdict !== state.settled && isHeld(run, verdict, votes) && state.at < heldUntil) {
    hold(run, doubt, votes, heldUntil);
    return;
  }
  release(run);
  if (verdict === state.settled) {
    clear(run, suspectedAt, votes);
  } else if (
    verdict === "unknown"
      ? !isFaultOfAgents(run, votes)
      : isConfirmed(state, doubt, verdict, votes, (some) => observe(run, some))
  ) {
    settle(run, verdict, votes, suspectedAt);
  } else {
    // One region's word is not enough: ask again, ever more seldom while nothing else is heard.
    const restUntil = state.at + Math.max(CONFIRM_WAIT_MS, state.at - suspectedAt);
    run.state = { ...state, doubt: null, unheardSince: suspectedAt, restUntil };
  }
}

/** Waits for what becomes of the suspect regions that see it. */
function hold<B extends Ballot>(run: Run<B>, doubt: Doubt, votes: readonly B[], heldUntil: number): void {
  const { state } = run;
  const known = doubt.heldBy ?? [];
  const others = votes.flatMap(({ region, status }) => (status === "up" || known.includes(region) ? [] : region));
  const heldBy = [...known, ...others].sort();
  run.state = { ...state, doubt: { ...doubt, heldBy, until: Math.min(state.at + HOLD_LOOK_MS, heldUntil) } };
  if (others.length > 0)
    run.effects.push({ type: "held", at: state.at, since: doubt.at, regions: heldBy, until: heldUntil });
}

/** Says that what was held back is not any more, if anything was; the doubt that it was in is about to end. */
function release<B extends Ballot>({ state, effects }: Run<B>): void {
  if (state.doubt?.heldBy) effects.push({ type: "released", at: state.at, since: state.doubt.at });
}

/** Whether it is trouble that suspect regions alone see. */
function isHeld<B extends Ballot>({ suspects }: Run<B>, verdict: Settled, votes: readonly B[]): boolean {
  if (verdict === "up" || verdict === "unknown") return false;
  return votes.every(({ region, status }) => status === "up" || suspects.includes(region));
}

/** The suspicion changed nothing but, maybe, which regions see trouble. */
function clear<B extends Ballot>(run: Run<B>, suspectedAt: number, votes: readonly B[]): void {
  const { state } = run;
  const picture = pictureOf(votes);
  run.state = { ...state, doubt: null, unheardSince: null, picture, restUntil: state.at + REST_MS };
  if (!isSame(picture, state.picture) && state.settled !== "up")
    run.effects.push({ type: "evidence", at: state.at, evidence: votes });
  else run.effects.push({ type: "cleared", at: state.at, suspectedAt });
}

function settle<B extends Ballot>(run: Run<B>, to: Settled, votes: readonly B[], suspectedAt: number | null): void {
  const { state, policy } = run;
  const { settled: from, at } = state;
  const silent = to === "unknown";
  const forImpaired = silent && isForImpaired(run, votes);
  const counts = from !== "unknown" && !silent;
  const changes = counts ? recentChanges([...state.changes, at], policy, at) : state.changes;
  run.state = {
    ...state,
    verdict: to,
    settled: to,
    before: silent ? (from === "unknown" ? state.before : from) : null,
    silent: silent && !forImpaired,
    picture: silent ? state.picture : pictureOf(votes),
    doubt: null,
    unheardSince: null,
    restUntil: suspectedAt === null ? state.restUntil : at + REST_MS,
    changes,
  };
  if (from !== to) {
    const before = state.silent ? state.before : null;
    const begun = begunAt(state, to, votes);
    run.effects.push({
      type: "settled",
      at,
      from,
      to,
      begunAt: begun,
      suspectedAt,
      before,
      evidence: votes,
      ...(forImpaired && { forImpaired }),
    });
  }
  if (counts && !state.flapping && isFlapping(changes)) {
    run.state = { ...run.state, flapping: true };
    run.effects.push({ type: "flapping", at, flapping: true });
  }
}

/** The next instant after the last event at which something falls due. */
function dueAt<B extends Ballot>(run: Run<B>): number | null {
  const { state, policy } = run;
  if (state.verdict === "paused" || state.verdict === "maintenance") return null;
  const lifetime = freshnessMs(policy);
  const instants = fresh(run).map(({ scheduledAt }) => scheduledAt + lifetime);
  instants.push(...faults(run).map((vote) => faultyUntil(vote, policy)));
  instants.push(...run.regions.flatMap((region) => run.newcomers?.[region] ?? []));
  if (state.flapping) instants.push(calmAt(state.changes, policy));
  if (state.doubt) instants.push(state.doubt.until);
  else if (state.restUntil > state.at) instants.push(state.restUntil);
  const coming = instants.filter((instant) => instant > state.at);
  return coming.length === 0 ? null : Math.min(...coming);
}
