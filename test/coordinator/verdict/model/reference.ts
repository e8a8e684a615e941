import type { Arrival, Ballot, Effect, Outcome, VerdictState } from "../../../../coordinator/verdict/state.ts";
import type { Span } from "./spans.ts";
import { shrink, spanAt, union, without } from "./spans.ts";
import type { World } from "./world.ts";

/**
 * The judge of the machine: slow and plain, written from what was promised and not
 * from the machine. It knows everything that truly happened and what of it the
 * coordinator has heard.
 *
 * A region's **view** at an instant is what the latest check of it says that was
 * heard by then (latest by when it was due), if it is fresh: not due longer ago than
 * two intervals and the timeout, heard in time (no later after it was due than a
 * check may wait for an agent, plus its timeout, plus a minute on the way), due
 * after the last pause, and no `error`.
 *
 * A region that has come up less than its first check, its wait, its time-out and the
 * wait for an answer ago, and has no view yet, counts among those whose failing makes a
 * quorum, and not among those who are awaited.
 *
 * - **False**: something is settled that the views of that instant do not say; or on
 *   a single check, no other one supporting it, that was not made to confirm it; or by silence, nothing having been
 *   heard since the last time that something was settled; or while people had
 *   switched it off; or about an instant more than 3 s ago. `unknown` needs no check
 *   to support it, and what comes back from it as it was needs only the views.
 * - **Missed**: the same quorum of regions failed, with live agents and nothing lost
 *   but the answers to confirmation checks, for longer than `boundMs`, and it was not
 *   settled `down` by then, or did not stay so for as long as that lasted.
 * - **Stuck**: every region saw it well for longer than `calmMs`, and it is not settled
 *   `up`; or too few had a view for as long, and it is not settled `unknown`.
 * - **Other**: what is told or asked is of the past, or asked of an instant that nobody answers again; or something
 *   comes of nothing.
 */
export interface Reference {
  /** The machine is given a result, which counts as heard at `heardAt`. */
  hears(result: Arrival<Ballot>, heardAt: number): void;
  /** The machine has taken a step. */
  sees(before: VerdictState, outcome: Outcome<Ballot>, now: number): void;
  /** The machine has taken the same step again. */
  expectNothing(outcome: Outcome<Ballot>, now: number): void;
  /** Looks back at the whole history. */
  conclude(): Findings;
}

export interface Findings {
  /** Outages that had to be settled `down`. */
  readonly outages: number;
  /** How often `down` was settled. */
  readonly incidents: number;
  readonly false: readonly string[];
  readonly missed: readonly string[];
  readonly stuck: readonly string[];
  readonly others: readonly string[];
  /** From an outage's beginning to the verdict, the longest, in ms. */
  readonly slowestMs: number;
}

/** Clocks, deliveries and steps may take so long together, beside what the bound is made of. */
const SLACK_MS = 10_000;
const DELIVERY_MS = 60_000;
const ASKED_WAIT_MS = 10_000;
/** What only regions see that are suspect is held back for so long, in ms. */
const HELD_MS = 30_000;

/**
 * Within this, in ms, an outage is found out though every confirmation is lost: each
 * region has had a check, or two where one region's word is enough for `down`, and
 * waiting for answers is over; and what is held back is not any more.
 */
export function boundMs({ policy, regions, suspected }: Pick<World, "policy" | "regions" | "suspected">): number {
  const isHeld = Object.values(suspected).some((spans) => spans.length > 0);
  const checks = neededOf(policy.quorum, regions.length) > 1 ? 1 : 2;
  return checks * policy.intervalMs + ASKED_WAIT_MS + policy.timeoutMs + SLACK_MS + (isHeld ? HELD_MS : 0);
}

/** Within this, in ms, it is seen that all is well again, though every confirmation is lost. */
function calmMs({ policy }: World): number {
  return 2 * policy.intervalMs + ASKED_WAIT_MS + policy.timeoutMs + SLACK_MS;
}

interface Heard extends Arrival<Ballot> {
  readonly heardAt: number;
}

type Said = "up" | "degraded" | "down" | "unknown";

export function createReference(world: World): Reference {
  const { policy, regions } = world;
  const lifetime = 2 * policy.intervalMs + policy.timeoutMs;
  const firstWordMs = Math.min(policy.intervalMs, 60_000) + policy.timeoutMs + ASKED_WAIT_MS;
  const inTime = Math.min(policy.intervalMs, 60_000) + policy.timeoutMs + DELIVERY_MS;
  /** What was heard longer ago plays no part. */
  const rememberedMs = lifetime + calmMs(world);
  const needed = neededOf(policy.quorum, regions.length);
  const joinedAt = (region: string): number => world.joins[region] ?? 0;
  const heard = new Map<string, Heard[]>(regions.map((region) => [region, []]));
  const settledAt: Array<{ at: number; now: number; to: Said }> = [];
  const wrong: string[] = [];
  const others: string[] = [];
  const stuck: string[] = [];
  const blind: Span[] = [];
  let blindSince: number | null = null;
  let resumedAt = 0;
  let incidents = 0;

  /** What counts of a region's checks at an instant, the latest last. */
  function counted(region: string, at: number): Heard[] {
    return (heard.get(region) ?? [])
      .filter(
        (result) =>
          result.heardAt <= at && result.scheduledAt + inTime >= result.receivedAt && result.scheduledAt >= resumedAt,
      )
      .sort((a, b) => a.scheduledAt - b.scheduledAt || a.attempt - b.attempt)
      .filter(({ scheduledAt }) => scheduledAt + lifetime > at);
  }

  function viewsAt(at: number): Heard[] {
    return regions.flatMap((region) => {
      if (joinedAt(region) > at) return [];
      const latest = counted(region, at).at(-1);
      return latest && latest.status !== "error" ? [latest] : [];
    });
  }

  function sayAt(at: number): Said {
    const views = viewsAt(at);
    const present = regions.filter((region) => joinedAt(region) <= at);
    const silent = present.filter((region) => !views.some((view) => view.region === region));
    const excused = silent.filter((region) => joinedAt(region) > 0 && at < joinedAt(region) + firstWordMs);
    const needed = neededOf(policy.quorum, present.length);
    const awaited = present.length - excused.length;
    const failing = views.filter(({ status }) => status === "down").length;
    const slow = views.filter(({ status }) => status === "degraded").length;
    if (failing >= needed) return "down";
    // With so many that do not fail, there is no quorum of those that do.
    const enough = Math.min(neededOf(policy.quorum, awaited), neededOf("majority", awaited));
    if (views.length < enough) return "unknown";
    return failing > 0 || slow >= needed ? "degraded" : "up";
  }

  /** Whether a check of this instant had been asked for, and heard of by then: nobody answers that again. */
  const isAnswered = (at: number): boolean =>
    [...heard.values()].flat().some((one) => one.attempt > 0 && one.scheduledAt === at && one.heardAt <= at);

  function judgeSettled({ at, from, to }: Extract<Effect<Ballot>, { type: "settled" }>, before: Said | null): void {
    const views = viewsAt(at);
    const said = sayAt(at);
    const told = `${from} to ${to} at ${at}`;
    // What came in the very instant may count or not.
    if (said !== to && sayAt(at - 1) !== to) wrong.push(`${told}: the views say ${said}`);
    if (to === "unknown") return;
    if (from === "unknown" && (to === before || (before === null && to === "up"))) return;
    const isWorse = to === "down" || from === "up";
    const supports = ({ status }: Heard) =>
      status !== "error" && (isWorse ? status !== "up" : to !== "up" || status !== "down");
    const checks = [...heard.values()]
      .flat()
      .filter((result) => result.heardAt <= at && result.heardAt >= at - rememberedMs && supports(result));
    if (checks.length < 2 && !checks.some(({ attempt }) => attempt > 0)) wrong.push(`${told}: on a single check`);
    const last = settledAt.at(-1)?.at ?? 0;
    // An answer may be of an instant before that of the view that it confirms: clocks are apart.
    const answers = checks.filter(({ attempt }) => attempt > 0);
    if (![...views, ...answers].some(({ heardAt }) => heardAt >= last)) wrong.push(`${told}: by silence`);
  }

  return {
    hears(result, heardAt) {
      const results = heard.get(result.region) ?? [];
      results.push({ ...result, heardAt });
      while ((results[0]?.heardAt ?? heardAt) < heardAt - rememberedMs) results.shift();
    },
    sees(before, { state, effects, dueAt, votes }, now) {
      let known = before.before as Said | null;
      for (const effect of effects) {
        // A question may be of a later ms than now where now is taken.
        const latest = effect.type === "confirm" ? now + regions.length : now;
        if (effect.at < now - 3_000 || effect.at > latest) others.push(`${effect.type} about ${effect.at} at ${now}`);
        if (effect.type === "confirm" && isAnswered(effect.at)) others.push(`asked for ${effect.at}, which was heard`);
        if (effect.type === "overlay" && effect.overlay === "paused" && !effect.on) resumedAt = effect.at;
        if (effect.type === "overlay" && effect.overlay === "paused") {
          settledAt.push({ at: effect.at, now, to: "unknown" });
          known = null;
        }
        if (effect.type !== "settled") continue;
        judgeSettled(effect, known);
        settledAt.push({ at: effect.at, now, to: effect.to });
        known = effect.to === "unknown" ? effect.from : null;
        if (effect.to === "down") incidents++;
      }
      const isOff = state.verdict === "paused" || state.verdict === "maintenance";
      if (
        isOff &&
        effects.some(({ type }) => type === "settled" || type === "confirm") &&
        !effects.some(({ type }) => type === "overlay")
      ) {
        others.push(`something came of a step at ${now} while it was ${state.verdict}`);
      }
      if (dueAt !== null && dueAt <= now) others.push(`due at ${dueAt}, which is past at ${now}`);
      if (state.at !== now) others.push(`at ${state.at} after a step at ${now}`);
      const size = state.changes.length + Object.keys(state.picture).length + votes.length;
      if (size > 6 + 2 * regions.length || Object.keys(state.doubt?.answers ?? {}).length > regions.length) {
        others.push(`the state grows at ${now}`);
      }
      const isBlind = !isOff && sayAt(now) === "unknown" && state.settled !== "unknown";
      if (isBlind) blindSince ??= now;
      else if (blindSince !== null) {
        blind.push({ from: blindSince, to: now });
        blindSince = null;
      }
    },
    expectNothing({ effects }, now) {
      if (effects.length > 0) others.push(`the same step again at ${now} made ${effects.map(({ type }) => type)}`);
    },
    conclude() {
      const bound = calmMs(world);
      // Until all have come up, what enough of them see is another thing each time.
      const joined = Math.max(world.span.from, ...Object.values(world.joins));
      const joining = joined > world.span.from ? [{ from: world.span.from, to: joined + firstWordMs }] : [];
      const off = union([...joining, ...world.away, ...shrink([...world.maintenance, ...world.paused], -2_000)]);
      const awake = without([{ from: world.span.from, to: world.span.to }], off);
      const told = (at: number): Said => settledAt.findLast((settled) => settled.now <= at)?.to ?? "unknown";
      for (const { from, to } of [
        ...blind,
        ...(blindSince === null ? [] : [{ from: blindSince, to: world.span.to }]),
      ]) {
        if (to - from > bound && without([{ from, to }], off).some((span) => span.to - span.from > bound)) {
          stuck.push(`no view from ${from} to ${to}, and settled`);
        }
      }
      const heardOf = (spans: readonly Span[], region: string) =>
        shrink(
          without(
            spans,
            [world.dead, world.faulty, world.cut].flatMap((trouble) => trouble[region] ?? []),
          ),
          2_000,
        );
      /** The stretches in which enough regions, the same ones, saw the same for longer than the bound, without its beginning. */
      function expected(
        seen: ReadonlyArray<readonly Span[]>,
        count: number,
        bound: number,
      ): Array<Span & { since: number }> {
        const found: Array<Span & { since: number }> = [];
        const starts = [...seen.flat(), ...awake].map(({ from }) => from).sort((a, b) => a - b);
        for (const since of starts) {
          if (found.some((span) => span.since <= since && since < span.to)) continue;
          const until = spanAt(awake, since)?.to ?? 0;
          const ends = seen.map((spans) => spanAt(spans, since)?.to ?? 0).sort((a, b) => b - a);
          const to = Math.min(until, ends[count - 1] ?? 0);
          if (to > since + bound) found.push({ since, from: since + bound, to });
        }
        return found;
      }
      const departures = ({ from, to }: Span, wanted: Said) => [
        ...(told(from) === wanted ? [] : [`${told(from)} at ${from}`]),
        ...settledAt
          .filter((settled) => settled.now > from && settled.now < to && settled.to !== wanted)
          .map((settled) => `${settled.to} at ${settled.now}`),
      ];
      const outages = expected(
        regions.map((region) => heardOf(world.down[region] ?? [], region)),
        needed,
        boundMs(world),
      );
      const missed = outages.flatMap((outage) =>
        departures(outage, "down").map((told) => `outage since ${outage.since} until ${outage.to}: ${told}`),
      );
      const calm = expected(
        regions.map((region) =>
          heardOf(without([world.span], [...(world.down[region] ?? []), ...(world.degraded[region] ?? [])]), region),
        ),
        regions.length,
        calmMs(world),
      );
      for (const good of calm) {
        for (const told of departures(good, "up")) stuck.push(`well since ${good.since} until ${good.to}: ${told}`);
      }
      const slowest = outages.map(({ since, to }) => {
        if (told(since) === "down") return 0;
        const found = settledAt.find((settled) => settled.now > since && settled.to === "down");
        return found && found.now < to ? found.now - since : 0;
      });
      return {
        outages: outages.length,
        incidents,
        false: wrong,
        missed,
        stuck,
        others,
        slowestMs: Math.max(0, ...slowest),
      };
    },
  };
}

/** `any`: one; `all`: all; `majority`: more than half; a number: so many, or all if there are fewer. */
function neededOf(quorum: World["policy"]["quorum"], regions: number): number {
  if (quorum === "any") return 1;
  if (quorum === "all") return regions;
  if (quorum === "majority") {
    for (let count = 1; ; count++) if (count * 2 > regions) return count;
  }
  return Math.min(quorum, regions);
}
