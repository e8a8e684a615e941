import fc from "fast-check";
import { expect, test } from "vitest";
import { follow, graceMs } from "../../../coordinator/incidents/follow.ts";
import type { Incident } from "../../../coordinator/incidents/incident.ts";
import { compare, outlineOf } from "../../../coordinator/replay/compare.ts";
import type { History, Hold } from "../../../coordinator/replay/history.ts";
import type { Stored } from "../../../coordinator/replay/replay.ts";
import { createReplay, questionsOf } from "../../../coordinator/replay/replay.ts";
import { step } from "../../../coordinator/verdict/machine.ts";
import type { Ballot, Outcome } from "../../../coordinator/verdict/state.ts";
import { initialState } from "../../../coordinator/verdict/state.ts";
import type { MonitorSpec } from "../../../shared/monitor.ts";
import { aMonitor } from "../../support/monitors.ts";

const start = 1_800_000_000_000;
const regions = ["a", "b", "c"];
const patient: MonitorSpec = aMonitor({ regions, intervalMs: 30_000, timeoutMs: 5_000, quorum: "majority" });
const quick: MonitorSpec = { ...patient, intervalMs: 3_000, timeoutMs: 1_000 };

type Side = Stored["status"];
/** What each region sees of the target from an instant on, in ms after the start. */
type Sights = ReadonlyArray<{ readonly from: number; readonly seen: Readonly<Record<string, Side>> }>;
/** When a region is suspect, in ms after the start. */
type Suspicions = ReadonlyArray<{ readonly from: number; readonly to: number; readonly region: string }>;

/**
 * Judges as a coordinator does: results wait for the next flush, and every half
 * second it is looked for what is due. What is in doubt is asked, and answered.
 */
function live(
  sights: Sights,
  flushes: readonly number[],
  delays: readonly number[],
  until: number,
  spec: MonitorSpec = patient,
  suspicions: Suspicions = [],
) {
  const holds = new Map<number, Hold>();
  const results: Stored[] = [];
  const incidents: Incident[] = [];
  let waiting: Stored[] = [];
  let outcome: Outcome<Ballot> = { state: { ...initialState, at: start }, votes: [], effects: [], dueAt: null };
  const coming: Stored[] = [];
  let count = 0;

  function see(region: string, scheduledAt: number, attempt: number): void {
    const { seen } = sights.findLast(({ from }) => start + from <= scheduledAt) ?? { seen: {} as Record<string, Side> };
    const status = seen[region] ?? "up";
    const took = 20 + (delays[count++ % delays.length] as number);
    coming.push({
      region,
      status,
      round: 0,
      scheduledAt,
      attempt,
      checkedAt: scheduledAt + 20,
      receivedAt: scheduledAt + took,
    });
  }

  function judge(arrivals: readonly Stored[], now: number): void {
    const { flapping } = outcome.state;
    const suspects = suspicions.flatMap(({ from, to, region }) =>
      start + from <= now && now < start + to ? [region] : [],
    );
    outcome = step({ ...outcome, policy: spec, regions, suspects, maintenance: false }, arrivals, now);
    for (const effect of outcome.effects) {
      if (effect.type === "held")
        holds.set(effect.since, { from: effect.since, to: effect.until, regions: effect.regions });
      if (effect.type === "released") {
        const held = holds.get(effect.since) as Hold;
        holds.set(effect.since, { ...held, to: effect.at });
      }
      // The question is on its way only when it was written down.
      if (effect.type === "confirm")
        for (const region of effect.regions) see(region, effect.at, Math.max(1, now - effect.at));
    }
    const { incident } = follow({
      monitorId: "",
      incident: incidents.at(-1) ?? null,
      effects: outcome.effects,
      flapping,
      settled: outcome.state.settled,
      graceMs: graceMs(spec.intervalMs),
      newId: () => String(incidents.length),
      evidenceOf: (vote) => ({ ...nothing, ...vote, since: vote.sideSince, backSince: null }),
    });
    if (incident) incidents[Number(incident.id)] = incident;
  }

  let flushAt = start;
  let flush = 0;
  for (let now = start; now <= start + until; now += 5) {
    for (const [rank, region] of regions.entries()) {
      if ((now - start - (rank * spec.intervalMs) / 3) % spec.intervalMs === 0) see(region, now, 0);
    }
    for (let n = coming.length - 1; n >= 0; n--) {
      // A question is answered after it was asked, however long it took to be asked.
      const one = coming[n] as Stored;
      if (one.receivedAt > now) continue;
      coming.splice(n, 1);
      const stored = { ...one, receivedAt: now };
      results.push(stored);
      waiting.push(stored);
    }
    if (now >= flushAt && waiting.length > 0) {
      judge(waiting, now);
      waiting = [];
      flushAt = now + (flushes[flush++ % flushes.length] as number);
    }
    const isCleared = suspicions.some(({ to }) => start + to <= now && now < start + to + 500);
    if ((now - start) % 500 === 0 && ((outcome.dueAt !== null && outcome.dueAt <= now) || isCleared)) judge([], now);
  }
  return { results: results.sort((a, b) => a.receivedAt - b.receivedAt), incidents, holds: [...holds.values()] };
}

const nothing = { latencyMs: 0, statusCode: null, address: null, phase: null, error: null, certificate: null };

function replay(
  results: readonly Stored[],
  until: number,
  quorum: MonitorSpec["quorum"] | null,
  spec = patient,
  holds: readonly Hold[] = [],
) {
  const pieces = 7;
  const history: History = {
    revisions: [{ spec, validFrom: start }],
    regions: [],
    impairments: [],
    holds,
    maintenance: [],
  };
  const again = createReplay({ history, begin: start, quorum, asked: questionsOf(results) });
  for (let from = 0, to = 0; from < results.length; from = to) {
    to = Math.min(results.length, from + pieces);
    while (results[to] && results[to]?.receivedAt === results[to - 1]?.receivedAt) to++;
    again.take(results.slice(from, to));
  }
  return again.end(start + until).map(outlineOf);
}

/**
 * Holds replays of random histories to what was live.
 * @param storing what becomes of results before they are replayed.
 */
function expectTheSame(
  sides: readonly Side[],
  maxDelayMs: number,
  storing: fc.Arbitrary<(results: readonly Stored[]) => readonly Stored[]>,
): void {
  const until = 1_800_000;
  const side = fc.constantFrom(...sides);
  const sight = fc.record({
    from: fc.integer({ min: 60_000, max: 1_500_000 }),
    seen: fc.record({ a: side, b: side, c: side }),
  });
  let incidents = 0;
  fc.assert(
    fc.property(
      fc.array(sight, { maxLength: 8 }),
      fc.array(fc.integer({ min: 0, max: 150 }), { minLength: 1, maxLength: 5 }),
      fc.array(fc.integer({ min: 0, max: maxDelayMs }), { minLength: 1, maxLength: 7 }),
      storing,
      (sights, flushes, delays, stored) => {
        const was = live(
          sights.sort((a, b) => a.from - b.from),
          flushes,
          delays,
          until,
        );
        const { changed, onlyLive, onlyReplayed } = compare(
          was.incidents.map(outlineOf),
          replay(stored(was.results), until, null),
        );
        incidents += was.incidents.length;
        expect({ changed, onlyLive, onlyReplayed }).toEqual({ changed: [], onlyLive: [], onlyReplayed: [] });
      },
    ),
    { numRuns: 60 },
  );
  expect(incidents).toBeGreaterThan(30);
}

test("whatever happens, a replay of the live policy gives exactly the live incidents", () => {
  expectTheSame(
    ["up", "up", "down", "down", "degraded", "error"],
    400,
    fc.constant((results) => results),
  );
}, 60_000);

/** What came again after a coordinator was killed is stored as received within some ms of the check's end. */
test("so it does where it is not quite known when results were received", () => {
  const guesses = fc.array(fc.option(fc.integer({ min: 0, max: 19 })), { minLength: 1, maxLength: 40 });
  expectTheSame(
    ["up", "up", "down", "down", "degraded"],
    30,
    guesses.map((some) => (results) => {
      const guessed = results.map((result, n) => {
        const guess = some[n % some.length] ?? null;
        return guess === null ? result : { ...result, receivedAt: result.checkedAt + guess };
      });
      return guessed.sort((a, b) => a.receivedAt - b.receivedAt);
    }),
  );
}, 60_000);

/** Trouble that one region sees, or two, and in which they are suspect for a while; in ms. */
interface Trouble {
  readonly from: number;
  readonly length: number;
  readonly seen: Record<string, Side>;
  readonly suspectAfter: number;
  readonly suspectFor: number;
}

/** Once, what was held back was released a ms late, and the next question taken for another. */
const releasedLate: Trouble[] = [
  { from: 38_134, length: 6_867, seen: { a: "down" }, suspectAfter: 0, suspectFor: 8_917 },
  { from: 10_000, length: 500, seen: { a: "down" }, suspectAfter: 0, suspectFor: 1_000 },
  { from: 48_187, length: 1_319, seen: { a: "down", b: "down" }, suspectAfter: 0, suspectFor: 4_034 },
];

test("what was held back for the sake of suspect regions is held back again, and no longer", () => {
  const sums = { incidents: 0, holds: 0, mattered: 0 };
  const until = 300_000;
  const trouble: fc.Arbitrary<Trouble> = fc.record({
    from: fc.integer({ min: 10_000, max: until - 20_000 }),
    length: fc.integer({ min: 500, max: 30_000 }),
    seen: fc.constantFrom<Record<string, Side>>({ a: "down" }, { b: "degraded" }, { a: "down", b: "down" }),
    suspectAfter: fc.integer({ min: -1_000, max: 2_000 }),
    suspectFor: fc.integer({ min: 1_000, max: 60_000 }),
  });
  fc.assert(
    fc.property(fc.array(trouble, { minLength: 3, maxLength: 8 }), fc.nat({ max: 150 }), (troubles, flush) => {
      const seen = troubles.flatMap(({ from, length, seen }) => [
        { from, seen },
        { from: from + length, seen: {} },
      ]);
      const suspicions = troubles.flatMap(({ from, seen, suspectAfter, suspectFor }) =>
        Object.keys(seen).map((region) => ({
          region,
          from: from + suspectAfter,
          to: from + suspectAfter + suspectFor,
        })),
      );
      const sorted = seen.sort((a, b) => a.from - b.from);
      const was = live(sorted, [flush], [10, 200, 30], until, quick, suspicions);
      const outlines = was.incidents.map(outlineOf);
      const { changed, onlyLive, onlyReplayed } = compare(outlines, replay(was.results, until, null, quick, was.holds));
      expect({ changed, onlyLive, onlyReplayed }).toEqual({ changed: [], onlyLive: [], onlyReplayed: [] });
      const forgetful = compare(outlines, replay(was.results, until, null, quick));
      sums.incidents += outlines.length;
      sums.holds += was.holds.length;
      sums.mattered += forgetful.changed.length + forgetful.onlyReplayed.length;
    }),
    { numRuns: 60, examples: [[releasedLate, 0]] },
  );
  expect(sums.incidents).toBeGreaterThan(20);
  expect(sums.holds).toBeGreaterThan(100);
  expect(sums.mattered).toBeGreaterThan(20);
}, 60_000);

test("by another quorum an outage that two of three regions see is degraded, and that of one is an outage", () => {
  const until = 1_500_000;
  const seen: Sights = [
    { from: 200_000, seen: { a: "down", b: "down" } },
    { from: 300_000, seen: {} },
    { from: 900_000, seen: { c: "down" } },
    { from: 1_000_000, seen: {} },
  ];
  const was = live(seen, [100], [10, 30, 50], until);
  const outlines = was.incidents.map(outlineOf);
  expect(outlines.map(({ level, kind }) => [level, kind])).toEqual([
    ["down", "global"],
    ["degraded", "regional"],
  ]);
  const all = compare(outlines, replay(was.results, until, "all"));
  expect(all.changed.map(({ live, replayed }) => [live.level, replayed.level])).toEqual([["down", "degraded"]]);
  expect(all).toMatchObject({ same: [{ level: "degraded" }], onlyLive: [], onlyReplayed: [] });
  const any = compare(outlines, replay(was.results, until, "any"));
  expect(any.changed.map(({ live, replayed }) => [live.level, replayed.level])).toContainEqual(["degraded", "down"]);
});

test("an outage that all regions see is the same by the quorum of all, however short it is", () => {
  let incidents = 0;
  fc.assert(
    fc.property(
      fc.integer({ min: 1_000, max: 4_000 }),
      fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 5 }),
      fc.array(fc.integer({ min: 0, max: 150 }), { minLength: 1, maxLength: 7 }),
      (length, flushes, delays) => {
        const until = 20_000 + length;
        const seen: Sights = [
          { from: 10_000, seen: { a: "down", b: "down", c: "down" } },
          { from: 10_000 + length, seen: {} },
        ];
        const was = live(seen, flushes, delays, until, quick);
        // What was settled after it had ended was found out by what would not have been asked.
        fc.pre(was.incidents.every(({ confirmedAt }) => confirmedAt < start + 10_000 + length));
        incidents += was.incidents.length;
        const { changed, onlyLive, onlyReplayed } = compare(
          was.incidents.map(outlineOf),
          replay(was.results, until, "all", quick),
        );
        expect({ changed, onlyLive, onlyReplayed }).toEqual({ changed: [], onlyLive: [], onlyReplayed: [] });
      },
    ),
    { numRuns: 150 },
  );
  expect(incidents).toBeGreaterThan(50);
});
