import { calmAt, isFlapping, recentChanges } from "./flapping.ts";
import type { Arrival, Ballot, Doubt, Effect, Outcome, Side, Subject, VerdictState } from "./state.ts";
import type { Settled } from "./verdict.ts";
import { freshnessMs, judge, quorumOf } from "./verdict.ts";

/** How long a confirmation check may wait for an agent and its result be under way, beside the target's own timeout; in ms. */
export const CONFIRM_WAIT_MS = 10_000;
/** Between the end of one doubt and the next, in ms: a target that wavers is not hammered. */
const REST_MS = 1_000;
/** How long trouble that only suspect regions see is held back, in ms, before it counts after all. */
const HOLD_MS = 30_000;
const HOLD_LOOK_MS = 1_000;
/** What fell due earlier than this before now, in ms, is looked at as of then: nothing is asked, or told, about the past. */
const MAX_BEHIND_MS = 3_000;

/**
 * The verdict's state machine. Nothing here reads a clock or does anything: it is
 * given what arrived and what time it is, and says what follows.
 *
 * - A vote that does not fit what is settled begins a **doubt**: every voting region,
 *   the one that cast it included, is asked for a check at once (`confirm`). The
 *   answers are the results of those very checks, known by their instant, so that in
 *   which order they come and how often makes no difference.
 * - The doubt ends when a quorum of answers fails, when everyone has answered, or
 *   when waiting is over; who has not answered by then is counted by its latest
 *   fresh vote. What comes out is settled (`settled`), or confirms what was (`cleared`).
 * - Nothing is settled on the word of one region that was not asked again.
 * - Fresh votes that run out make it `unknown` without asking: silence needs no
 *   confirmation, and means neither up nor down.
 *
 * Instants at which something falls due (a vote goes stale, a wait is over) are
 * worked through in order before anything later, so that it makes no difference
 * how punctually the machine is called.
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
    earliest: Math.max(subject.state.at, now - MAX_BEHIND_MS),
  };
  const timely = arrivals.map((arrival) => ({ ...arrival, receivedAt: Math.max(arrival.receivedAt, run.earliest) }));
  goTo(run, Math.min(now, ...timely.map(({ receivedAt }) => receivedAt)));
  look(run, run.state.at);
  for (const arrival of timely.sort(inOrder)) {
    goTo(run, arrival.receivedAt);
    take(run, arrival);
    look(run, run.state.at);
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

function inOrder<B extends Ballot>(a: Arrival<B>, b: Arrival<B>): number {
  return (
    a.receivedAt - b.receivedAt ||
    a.scheduledAt - b.scheduledAt ||
    a.attempt - b.attempt ||
    (a.region < b.region ? -1 : 1)
  );
}

/** Works through everything that falls due up to an instant. */
function goTo<B extends Ballot>(run: Run<B>, until: number): void {
  for (let due = dueAt(run); due !== null && due <= until; due = dueAt(run)) {
    look(run, Math.max(due, run.earliest));
  }
  if (until > run.state.at) run.state = { ...run.state, at: until };
}

/** Keeps an arrival as its region's vote if it is newer, and as an answer if it was asked for. */
function take<B extends Ballot>(run: Run<B>, { receivedAt: _, ...arrived }: Arrival<B>): void {
  const arrival = arrived as unknown as B;
  const { region, status, scheduledAt, attempt } = arrival;
  const { doubt } = run.state;
  if (doubt && attempt > 0 && scheduledAt === doubt.at && doubt.asked.includes(region) && !doubt.answers[region]) {
    run.state = { ...run.state, doubt: { ...doubt, answers: { ...doubt.answers, [region]: status } } };
  }
  const vote = run.votes.get(region);
  if (vote && !isNewer(arrival, vote)) return;
  const sideSince = vote?.status === status ? vote.sideSince : arrival.checkedAt;
  run.votes.set(region, { ...arrival, sideSince });
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
  const { state } = run;
  const observed = observe(run, fresh(run));
  if (state.settled === "unknown" ? mayResume(state, observed) : observed === "unknown") {
    settle(run, observed, fresh(run), null);
  } else if (isDoubtful(run, observed)) {
    if (at >= state.restUntil) suspect(run);
  } else if (state.settled !== "unknown") {
    redraw(run);
  }
}

/** Keeps the picture as it is seen now, where nothing in it is in doubt: another region that fails while it is down. */
function redraw<B extends Ballot>(run: Run<B>): void {
  const { state } = run;
  const votes = fresh(run);
  const picture = { ...state.picture };
  for (const { region } of votes) delete picture[region];
  Object.assign(picture, pictureOf(votes));
  if (isSame(picture, state.picture)) return;
  run.state = { ...state, picture };
  if (state.settled !== "up") run.effects.push({ type: "evidence", at: state.at, evidence: votes });
}

/** Applies pause and maintenance; whether the verdict is about the target. */
function overlay<B extends Ballot>(run: Run<B>): boolean {
  const { state, policy, maintenance } = run;
  const wanted = policy.enabled ? (maintenance ? "maintenance" : null) : "paused";
  const current = state.verdict === "paused" || state.verdict === "maintenance" ? state.verdict : null;
  if (wanted !== current) {
    if (current) run.effects.push({ type: "overlay", at: state.at, overlay: current, on: false });
    if (wanted) run.effects.push({ type: "overlay", at: state.at, overlay: wanted, on: true });
    // What was seen before a pause says nothing of what is after it.
    const kept =
      wanted === "paused" ? { ...state, settled: "unknown" as const, before: null, picture: {}, changes: [] } : state;
    run.state = { ...kept, verdict: wanted ?? kept.settled, doubt: null };
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
        status !== "error" && regions.includes(region) && scheduledAt + lifetime > state.at,
    )
    .sort((a, b) => (a.region < b.region ? -1 : 1));
}

function observe<B extends Ballot>({ regions, policy, state }: Run<B>, votes: readonly B[]): Settled {
  return judge(votes, regions, policy, state.at).verdict as Settled;
}

/** Whether what is observed ends `unknown` without more ado: first votes that pass, or what was so before. */
function mayResume({ before }: VerdictState, observed: Settled): boolean {
  return observed !== "unknown" && (before === null ? observed === "up" : observed === before);
}

/** Whether some vote, or all of them together, does not fit what is settled. */
function isDoubtful<B extends Ballot>(run: Run<B>, observed: Settled): boolean {
  const { settled, picture } = run.state;
  if (observed !== settled && observed !== "unknown") return true;
  return fresh(run).some(({ region, status }) => {
    const known = picture[region] ?? "up";
    // What is down is not made more so by another region.
    return settled === "down" ? known === "down" && status !== "down" : status !== "up" && status !== known;
  });
}

function suspect<B extends Ballot>(run: Run<B>): void {
  const { state, regions, policy } = run;
  const asked = [...regions].sort();
  const until = state.at + CONFIRM_WAIT_MS + policy.timeoutMs;
  run.state = { ...state, doubt: { at: state.at, asked, answers: {}, until } };
  run.effects.push({ type: "confirm", at: state.at, regions: asked });
}

/** Ends a doubt when it can be ended. */
function conclude<B extends Ballot>(run: Run<B>, doubt: Doubt): void {
  const { regions, policy, state } = run;
  const waitedFor = doubt.asked.filter((region) => regions.includes(region));
  const failing = waitedFor.filter((region) => doubt.answers[region] === "down").length;
  const isOver =
    state.at >= doubt.until ||
    failing >= quorumOf(policy.quorum, regions.length) ||
    waitedFor.every((region) => doubt.answers[region]);
  if (!isOver) return;
  const votes = testimony(run, doubt);
  const verdict = observe(run, votes);
  if (verdict !== state.settled && isHeld(run, doubt, verdict, votes)) {
    run.state = { ...state, doubt: { ...doubt, until: state.at + HOLD_LOOK_MS } };
  } else if (verdict === state.settled) {
    clear(run, doubt, votes);
  } else if (verdict === "unknown" || isConfirmed(run, doubt, verdict, votes)) {
    settle(run, verdict, votes, doubt.at);
  } else {
    // Nobody answered, and one region's word is not enough: ask again, later.
    run.state = { ...state, doubt: null, restUntil: state.at + CONFIRM_WAIT_MS };
  }
}

/** What counts at the end of a doubt: each region's answer, or else its latest fresh vote. */
function testimony<B extends Ballot>(run: Run<B>, { at, answers }: Doubt): B[] {
  return fresh(run)
    .map((vote) => {
      const answer = answers[vote.region];
      return answer && answer !== "error" && answer !== vote.status && vote.scheduledAt > at
        ? { ...vote, status: answer, sideSince: at }
        : vote;
    })
    .filter(({ region, scheduledAt }) => answers[region] !== "error" || scheduledAt > at);
}

/** Whether a verdict rests on more than the first word of one region. */
function isConfirmed<B extends Ballot>(
  { state }: Run<B>,
  doubt: Doubt,
  verdict: Settled,
  votes: readonly B[],
): boolean {
  const witnesses = votes.filter(({ status }) =>
    verdict === "down" ? status === "down" : verdict === "up" ? status === "up" : status !== "up",
  );
  return (
    witnesses.length > 1 ||
    witnesses.some(
      ({ region, scheduledAt, status }) =>
        doubt.answers[region] || scheduledAt > doubt.at || (state.picture[region] ?? "up") === status,
    )
  );
}

/** Whether trouble that suspect regions alone see is to be held back still. */
function isHeld<B extends Ballot>(run: Run<B>, doubt: Doubt, verdict: Settled, votes: readonly B[]): boolean {
  if (verdict === "up" || verdict === "unknown") return false;
  const troubled = votes.filter(({ status }) => status !== "up");
  return (
    troubled.every(({ region }) => run.suspects.includes(region)) &&
    run.state.at < doubt.at + CONFIRM_WAIT_MS + run.policy.timeoutMs + HOLD_MS
  );
}

/** The suspicion changed nothing but, maybe, which regions see trouble. */
function clear<B extends Ballot>(run: Run<B>, doubt: Doubt, votes: readonly B[]): void {
  const { state } = run;
  const picture = pictureOf(votes);
  run.state = { ...state, doubt: null, picture, restUntil: state.at + REST_MS };
  const moved = Object.keys({ ...picture, ...state.picture }).some(
    (region) => picture[region] !== state.picture[region],
  );
  if (moved && state.settled !== "up") run.effects.push({ type: "evidence", at: state.at, evidence: votes });
  else run.effects.push({ type: "cleared", at: state.at, suspectedAt: doubt.at });
}

function settle<B extends Ballot>(run: Run<B>, to: Settled, votes: readonly B[], suspectedAt: number | null): void {
  const { state, policy } = run;
  const { settled: from, at } = state;
  const silent = to === "unknown";
  const counts = from !== "unknown" && !silent;
  const changes = counts ? recentChanges([...state.changes, at], policy, at) : state.changes;
  run.state = {
    ...state,
    verdict: to,
    settled: to,
    before: silent ? (from === "unknown" ? state.before : from) : null,
    picture: silent ? state.picture : pictureOf(votes),
    doubt: null,
    restUntil: suspectedAt === null ? state.restUntil : at + REST_MS,
    changes,
  };
  if (from !== to)
    run.effects.push({ type: "settled", at, from, to, suspectedAt, before: state.before, evidence: votes });
  if (!state.flapping && isFlapping(changes)) {
    run.state = { ...run.state, flapping: true };
    run.effects.push({ type: "flapping", at, flapping: true });
  }
}

/** The regions that do not see the target well, and how they see it. */
function pictureOf(votes: readonly Ballot[]): Record<string, Side> {
  return Object.fromEntries(
    votes.flatMap(({ region, status }) => (status === "up" || status === "error" ? [] : [[region, status] as const])),
  );
}

function isSame(a: VerdictState["picture"], b: VerdictState["picture"]): boolean {
  return Object.keys({ ...a, ...b }).every((region) => a[region] === b[region]);
}

/** The next instant after the last event at which something falls due. */
function dueAt<B extends Ballot>(run: Run<B>): number | null {
  const { state, policy } = run;
  if (state.verdict === "paused" || state.verdict === "maintenance") return null;
  const lifetime = freshnessMs(policy);
  const instants = fresh(run).map(({ scheduledAt }) => scheduledAt + lifetime);
  if (state.flapping) instants.push(calmAt(state.changes, policy));
  if (state.doubt) instants.push(state.doubt.until);
  else if (state.restUntil > state.at) instants.push(state.restUntil);
  const coming = instants.filter((instant) => instant > state.at);
  return coming.length === 0 ? null : Math.min(...coming);
}
