import fc from "fast-check";
import { expect, test } from "vitest";
import { CONFIRM_WAIT_MS, REST_MS, step } from "../../../coordinator/verdict/machine.ts";
import type { Arrival, Ballot, Effect, Outcome } from "../../../coordinator/verdict/state.ts";
import { initialState } from "../../../coordinator/verdict/state.ts";
import type { Policy } from "../../../coordinator/verdict/verdict.ts";
import { quorumOf } from "../../../coordinator/verdict/verdict.ts";

const START = 1_700_000_000_000;
const regions = ["a", "b", "c"];
const statuses = ["up", "degraded", "down", "error"] as const;
const nothing: Outcome<Ballot> = { state: initialState, votes: [], effects: [], dueAt: null };

const policies: fc.Arbitrary<Policy> = fc.record({
  enabled: fc.constant(true),
  intervalMs: fc.constantFrom(1_000, 30_000, 300_000, 3_600_000),
  timeoutMs: fc.constantFrom(1_000, 10_000),
  quorum: fc.constantFrom<Policy["quorum"]>("any", "majority", "all", 2),
});
const policy: Policy = { enabled: true, intervalMs: 60_000, timeoutMs: 10_000, quorum: "majority" };

interface Input {
  readonly policy: Policy;
  readonly maintenance?: boolean;
}

const take = (
  outcome: Outcome<Ballot>,
  { policy, maintenance = false }: Input,
  arrivals: ReadonlyArray<Arrival<Ballot>>,
  now: number,
): Outcome<Ballot> => step({ ...outcome, policy, regions, suspects: [], maintenance }, arrivals, now);

const result = (region: string, status: Ballot["status"], at: number, attempt = 0): Arrival<Ballot> => ({
  region,
  status,
  scheduledAt: at,
  attempt,
  checkedAt: at + 20,
  receivedAt: at + 50,
});

const settled = (effects: ReadonlyArray<Effect<Ballot>>): string[] =>
  effects.flatMap((effect) => (effect.type === "settled" ? [`${effect.from} to ${effect.to} at ${effect.at}`] : []));

/** Steps whenever something is due, up to an instant. */
function pass(outcome: Outcome<Ballot>, input: Input, until: number): Outcome<Ballot> {
  let passed: Outcome<Ballot> = { ...outcome, effects: [] };
  const effects: Effect<Ballot>[] = [];
  while (passed.dueAt !== null && passed.dueAt < until) {
    passed = take(passed, input, [], passed.dueAt);
    effects.push(...passed.effects);
  }
  return { ...passed, effects };
}

/** Results of all kinds, from a few minutes, as they arrive. */
const arrivals = (intervalMs: number) =>
  fc.array(
    fc.record({
      region: fc.constantFrom(...regions, "constructor"),
      status: fc.constantFrom(...statuses),
      /** When it arrives, and how long before (or, forged, after) that it was due. */
      at: fc.integer({ min: 0, max: 4 * intervalMs }),
      age: fc.oneof(
        fc.integer({ min: 0, max: 2_000 }),
        fc.integer({ min: -60_000, max: 60_000 }),
        fc.integer({ min: 0, max: 3 * intervalMs }),
      ),
      attempt: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2 ** 32 - 1 })),
    }),
    { maxLength: 40 },
  );

type Made = typeof arrivals extends (intervalMs: number) => fc.Arbitrary<infer T> ? T : never;

function timed(made: Made): Arrival<Ballot>[] {
  return made
    .map(({ region, status, at, age, attempt }) => ({
      region,
      status,
      attempt,
      scheduledAt: START + at - age,
      checkedAt: START + at - age + 20,
      receivedAt: START + at,
    }))
    .sort((a, b) => a.receivedAt - b.receivedAt);
}

/** A policy, what arrives under it, and the doubts that come of it answered at random. */
const histories = policies.chain((policy) =>
  fc.record({ policy: fc.constant(policy), made: arrivals(policy.intervalMs) }),
);

/** What an unreliable caller's steps come to. */
function play(
  { policy, made }: { policy: Policy; made: Made },
  see: (before: Outcome<Ballot>, after: Outcome<Ballot>, came: Arrival<Ballot>[], now: number) => void,
) {
  let outcome = nothing;
  const go = (came: Arrival<Ballot>[], now: number) => {
    const before = outcome;
    outcome = take(before, { policy }, came, now);
    see(before, outcome, came, now);
  };
  for (const arrival of timed(made)) {
    while (outcome.dueAt !== null && outcome.dueAt < arrival.receivedAt) go([], outcome.dueAt);
    const asked = outcome.state.doubt;
    const answers = asked && arrival.attempt > 0 && arrival.attempt % 3 === 0;
    go([answers ? { ...arrival, scheduledAt: asked.at } : arrival], arrival.receivedAt);
  }
}

test("in which order results of one instant are given, and how often, makes no difference", () => {
  const cases = histories.chain(({ policy, made }) =>
    fc.record({
      policy: fc.constant(policy),
      given: fc.constant(timed(made)),
      shuffled: fc.shuffledSubarray(
        timed(made).flatMap((arrival) => [arrival, arrival]),
        { minLength: made.length * 2 },
      ),
    }),
  );
  fc.assert(
    fc.property(cases, ({ policy, given, shuffled }) => {
      const now = START + 4 * policy.intervalMs;
      expect(take(nothing, { policy }, shuffled, now)).toEqual(take(nothing, { policy }, given, now));
    }),
    { numRuns: 500 },
  );
});

test("in which order the answers to a doubt come over several steps makes no difference to what is settled", () => {
  const cases = fc.record({
    policy: policies,
    was: fc.constantFrom("up", "down"),
    answers: fc.array(fc.constantFrom(...statuses), { minLength: 3, maxLength: 3 }),
    order: fc.shuffledSubarray([0, 1, 2, 0, 1, 2], { minLength: 6 }),
  });
  fc.assert(
    fc.property(cases, ({ policy, was, answers, order }) => {
      const asked = START + 500;
      const inOrder = (order: readonly number[]) => {
        let outcome = nothing;
        const go = (came: Arrival<Ballot>[], now: number) => {
          outcome = take(outcome, { policy }, came, now);
        };
        const all = (status: "up" | "down", at: number, attempt: number) =>
          regions.map((region) => ({ ...result(region, status, at, attempt), receivedAt: at }));
        go(all("up", START, 0), START);
        let at = asked;
        if (was === "down") {
          go(all("down", at, 0), at);
          go(all("down", at, 7), at + 10);
          at += 1_500;
        }
        const doubtAt = at;
        go([{ ...result("a", was === "up" ? "down" : "up", at), receivedAt: at }], at);
        for (const n of order) {
          const answer = result(regions[n] as string, answers[n] as Ballot["status"], doubtAt, 7);
          go([{ ...answer, receivedAt: ++at }], at);
        }
        return outcome.state.settled;
      };
      expect(inOrder(order)).toBe(inOrder([0, 1, 2]));
    }),
    { numRuns: 500 },
  );
});

test("being called up to 3 s late makes no difference", () => {
  fc.assert(
    fc.property(histories, fc.infiniteStream(fc.integer({ min: 0, max: 2_999 })), ({ policy, made }, lateness) => {
      const end = START + 10 * policy.intervalMs + 100_000;
      const given = timed(made);
      let punctual = nothing;
      let early: Effect<Ballot>[] = [];
      for (const arrival of given) {
        const passed = pass(punctual, { policy }, arrival.receivedAt);
        punctual = take(
          passed,
          { policy },
          given.filter(({ receivedAt }) => receivedAt === arrival.receivedAt),
          arrival.receivedAt,
        );
        early.push(...passed.effects, ...punctual.effects);
      }
      early = [...early, ...pass(punctual, { policy }, end).effects];

      let late = nothing;
      const told: Effect<Ballot>[] = [];
      for (let n = 0; n < given.length || (late.dueAt !== null && late.dueAt < end); ) {
        const now = Math.min(given[n]?.receivedAt ?? end, late.dueAt ?? end) + (lateness.next().value as number);
        const from = n;
        while (n < given.length && (given[n]?.receivedAt ?? end) <= now) n++;
        late = take(late, { policy }, given.slice(from, n), now);
        told.push(...late.effects);
      }
      expect(told.filter(({ at }) => at < end - 3_000)).toEqual(early.filter(({ at }) => at < end - 3_000));
    }),
    { numRuns: 500 },
  );
});

test("the same step again does nothing, what is stored as JSON is the same, and nothing grows or is about the past", () => {
  fc.assert(
    fc.property(histories, (history) => {
      play(history, (before, after, came, now) => {
        expect(take(after, history, came, now).effects).toEqual([]);
        const stored = JSON.parse(JSON.stringify(before)) as Outcome<Ballot>;
        expect(take(stored, history, came, now)).toEqual(after);
        expect(after.state.at).toBe(now);
        for (const { at } of after.effects) expect(now - at).toBeLessThanOrEqual(3_000);
        expect(after.dueAt ?? Number.POSITIVE_INFINITY).toBeGreaterThan(now);
        expect(after.state.changes.length).toBeLessThanOrEqual(6);
        expect(Object.keys(after.state.picture).length).toBeLessThanOrEqual(regions.length);
        expect(Object.keys(after.state.doubt?.answers ?? {}).length).toBeLessThanOrEqual(regions.length);
      });
    }),
    { numRuns: 300 },
  );
});

test("whatever one region sends, it makes nothing down under majority of three, nor up again", () => {
  const cases = fc.record({ made: arrivals(policy.intervalMs), isDown: fc.boolean() });
  fc.assert(
    fc.property(cases, ({ made, isDown }) => {
      const truth = isDown ? "down" : "up";
      let outcome = take(
        nothing,
        { policy },
        regions.map((region) => result(region, truth, START - 1_000)),
        START - 900,
      );
      outcome = pass(outcome, { policy }, START);
      const at = outcome.state.doubt?.at;
      if (at)
        outcome = take(
          outcome,
          { policy },
          ["a", "b", "c"].map((region) => ({ ...result(region, "down", at, 7), receivedAt: START })),
          START,
        );
      expect(outcome.state.settled).toBe(truth);
      const forged = timed(made).map((arrival) => ({ ...arrival, region: "a" }));
      // The others are checked as they should be, and answer at once.
      const honest = ["b", "c"].flatMap((region, n) =>
        Array.from({ length: 5 }, (_, k) => result(region, truth, START + (k + n / 2) * policy.intervalMs)),
      );
      const seen: string[] = [];
      const all = [...forged, ...honest].sort((a, b) => a.receivedAt - b.receivedAt);
      for (const arrival of all) {
        const passed = pass(outcome, { policy }, arrival.receivedAt);
        seen.push(...settled(passed.effects));
        const { doubt } = passed.state;
        const asked = doubt && arrival.region === "a" && arrival.attempt % 2 === 1;
        outcome = take(
          passed,
          { policy },
          [asked ? { ...arrival, scheduledAt: doubt.at } : arrival],
          arrival.receivedAt,
        );
        seen.push(...settled(outcome.effects));
        const question = outcome.effects.findLast(({ type }) => type === "confirm");
        if (!question) continue;
        const answers = ["b", "c"].map((region) => ({
          ...result(region, truth, question.at, 7),
          receivedAt: arrival.receivedAt,
        }));
        outcome = take(outcome, { policy }, answers, arrival.receivedAt);
        seen.push(...settled(outcome.effects));
      }
      const wrong = isDown ? /to (up|degraded|unknown)/ : /to (down|unknown)/;
      expect(seen.filter((told) => wrong.test(told))).toEqual([]);
    }),
    { numRuns: 500 },
  );
});

test("an outage that a quorum sees is settled down though every answer is lost, and stays so", () => {
  const cases = fc.record({
    policy: policies,
    offsets: fc.array(fc.integer({ min: 0, max: 999 }), { minLength: 3, maxLength: 3 }),
    failing: fc.integer({ min: 1, max: 3 }),
    earlier: fc.array(fc.constantFrom(...statuses), { maxLength: 6 }),
  });
  fc.assert(
    fc.property(cases, ({ policy, offsets, failing, earlier }) => {
      const { intervalMs, timeoutMs } = policy;
      const quorum = quorumOf(policy.quorum, regions.length);
      fc.pre(failing >= quorum);
      const since = START + earlier.length * intervalMs;
      const bound = (quorum > 1 ? 1 : 2) * intervalMs + CONFIRM_WAIT_MS + timeoutMs + 1_100;
      const given = regions
        .flatMap((region, n) =>
          Array.from({ length: earlier.length + 100 }, (_, k) => {
            const at = START + k * intervalMs + Math.floor(((offsets[n] ?? 0) / 1_000) * intervalMs);
            const status = at >= since ? (n < failing ? "down" : "up") : (earlier[(k + n) % earlier.length] ?? "up");
            return result(region, status, at);
          }),
        )
        .filter(({ receivedAt }) => receivedAt < since + bound + 5 * intervalMs)
        .sort((a, b) => a.receivedAt - b.receivedAt);
      let outcome = nothing;
      const changes: Array<{ at: number; to: string }> = [];
      for (const arrival of given) {
        const passed = pass(outcome, { policy }, arrival.receivedAt);
        outcome = take(passed, { policy }, [arrival], arrival.receivedAt);
        for (const effect of [...passed.effects, ...outcome.effects])
          if (effect.type === "settled") changes.push(effect);
      }
      expect(changes.findLast(({ at }) => at <= since + bound)?.to).toBe("down");
      expect(changes.filter(({ at }) => at > since + bound)).toEqual([]);
    }),
    { numRuns: 200 },
  );
});

/**
 * What is established changes into something else than `unknown` when that was said, never because votes have run out:
 * of the votes that settle it one came since it was first asked about, and that may be before the silence. It may have
 * come REST_MS sooner, since it is asked about only when the rest after the question before is over, which news leaves
 * that much of. How much later it is settled has no bound but the votes' lifetime: who says what he said before makes
 * nobody ask sooner than in the course of asking ever more seldom, and a first word that contradicts two others keeps
 * them from settling anything until it runs out.
 *
 * Nothing becomes down later than DOWN_MS after the last word, and the end of the question that is open then: votes that
 * run out leave no more failing ones, so that what settles it was there. It is news, for which nobody rests longer than
 * REST_MS; the question after that is over CONFIRM_WAIT_MS and the timeout later; and what is not confirmed by then never
 * is, for want of a word.
 */
test("silence makes nothing that was established anything but unknown, and nothing down", () => {
  fc.assert(
    fc.property(histories, ({ policy, made }) => {
      const cameAt = new Map<string, number>();
      const keyOf = ({ region, scheduledAt, attempt }: Pick<Ballot, "region" | "scheduledAt" | "attempt">) =>
        `${region} ${scheduledAt} ${attempt}`;
      const unsaid = (effects: ReadonlyArray<Effect<Ballot>>) =>
        effects.filter(
          (effect) =>
            effect.type === "settled" &&
            effect.from !== "unknown" &&
            effect.to !== "unknown" &&
            !effect.evidence.some(
              (vote) => (cameAt.get(keyOf(vote)) ?? 0) >= (effect.suspectedAt ?? Number.POSITIVE_INFINITY) - REST_MS,
            ),
        );
      let outcome = nothing;
      play({ policy, made }, (_, after, came) => {
        // What is dated ahead, as forged results may be, is said then.
        for (const one of came) cameAt.set(keyOf(one), Math.max(one.receivedAt, one.scheduledAt));
        expect(unsaid(after.effects)).toEqual([]);
        outcome = after;
      });
      const downMs = REST_MS + CONFIRM_WAIT_MS + policy.timeoutMs;
      const quiet = (outcome.state.doubt?.until ?? outcome.state.at) + downMs;
      const { effects, state } = pass(outcome, { policy }, quiet + 10 * policy.intervalMs + 1_000_000);
      expect(unsaid(effects)).toEqual([]);
      expect(settled(effects.filter(({ at }) => at > quiet)).filter((told) => told.includes("to down"))).toEqual([]);
      expect(state.settled).toBe("unknown");
    }),
    { numRuns: 300 },
  );
});

test("nothing but unknown is settled by results of checks long past, however they come", () => {
  const cases = fc.record({ policy: policies, made: arrivals(3_600_000), gap: fc.integer({ min: 0, max: 7_200_000 }) });
  fc.assert(
    fc.property(cases, ({ policy, made, gap }) => {
      let outcome = take(
        nothing,
        { policy },
        regions.map((region) => result(region, "up", START)),
        START + 50,
      );
      expect(outcome.state.settled).toBe("up");
      const now = START + gap + 140_000;
      const past = timed(made).map((arrival) => ({
        ...arrival,
        scheduledAt: now - 140_000 - (arrival.receivedAt - START),
        receivedAt: now,
      }));
      const seen: string[] = [];
      for (const arrival of past) {
        outcome = take(outcome, { policy }, [arrival], now);
        seen.push(...settled(outcome.effects));
      }
      seen.push(...settled(pass(outcome, { policy }, now + 1_000_000).effects));
      expect(seen.filter((told) => !told.includes("to unknown"))).toEqual([]);
    }),
    { numRuns: 300 },
  );
});
