import fc from "fast-check";
import { expect, test } from "vitest";
import type { History, Stretch } from "../../../coordinator/stats/spans.ts";
import { spansOf } from "../../../coordinator/stats/spans.ts";
import type { Verdict } from "../../../coordinator/verdict/verdict.ts";
import { verdicts } from "../../../coordinator/verdict/verdict.ts";

const END = 60;
const instant = fc.integer({ min: -20, max: END + 20 });
const stretch = fc.tuple(instant, fc.nat(30)).map(([from, length]): Stretch => ({ from, to: from + length }));
const window = fc.tuple(fc.nat(END), fc.nat(END)).map(([from, length]): Stretch => ({ from, to: from + length }));
const history: fc.Arbitrary<History> = fc.record({
  changes: fc
    .uniqueArray(fc.record({ at: instant, verdict: fc.constantFrom(...verdicts) }), { selector: ({ at }) => at })
    .map((changes) => changes.toSorted((a, b) => a.at - b.at)),
  sightings: fc.array(
    fc
      .record({ at: instant, length: fc.nat(20), verdict: fc.constantFrom("up", "degraded", "down") })
      .map(({ at, length, verdict }) => ({ at, since: at - length, verdict }) as const),
    { maxLength: 4 },
  ),
  silences: fc.array(stretch, { maxLength: 4 }),
});

/** What it was at an instant, by looking at nothing but that instant. */
function verdictAt(instant: number, { changes, sightings, silences }: History): Verdict {
  const shown = changes.findLast(({ at }) => at <= instant)?.verdict ?? "unknown";
  if (shown === "paused" || shown === "maintenance") return shown;
  if (silences.some(({ from, to }) => from <= instant && instant < to)) return "unknown";
  const seen = sightings
    .filter(({ since, at }) => since <= instant && instant < at)
    .toSorted((a, b) => a.since - b.since || a.at - b.at)[0];
  return seen?.verdict ?? shown;
}

test("spans partition the window exactly, and no two neighbours say the same", () => {
  fc.assert(
    fc.property(window, history, (window, history) => {
      const spans = spansOf(window, history);
      expect(spans[0]?.from ?? window.from).toBe(window.from);
      expect(spans.at(-1)?.to ?? window.to).toBe(window.to);
      for (const [n, { from, to, verdict }] of spans.entries()) {
        expect(from).toBeLessThan(to);
        if (n === 0) continue;
        expect(spans[n - 1]).toMatchObject({ to: from });
        expect(spans[n - 1]?.verdict).not.toBe(verdict);
      }
    }),
    { numRuns: 2_000 },
  );
});

test("every instant has the verdict that looking at it alone gives", () => {
  // Where sightings overlap, which one ends first decides what is left of the next; they are apart in life.
  const apart = history.filter(({ sightings }) =>
    sightings.every((a) => sightings.every((b) => a === b || a.at <= b.since || b.at <= a.since)),
  );
  fc.assert(
    fc.property(window, apart, (window, history) => {
      const spans = spansOf(window, history);
      for (let at = window.from; at < window.to; at++) {
        const span = spans.find(({ from, to }) => from <= at && at < to);
        expect([at, span?.verdict]).toEqual([at, verdictAt(at, history)]);
      }
    }),
    { numRuns: 2_000 },
  );
});

test("a window may be cut anywhere: its parts say what the whole says", () => {
  fc.assert(
    fc.property(window, fc.nat(END), history, ({ from, to }, at, history) => {
      const cut = Math.min(to, from + at);
      const parts = [...spansOf({ from, to: cut }, history), ...spansOf({ from: cut, to }, history)];
      const lasted = (spans: typeof parts, wanted: Verdict) =>
        spans.reduce((sum, { from, to, verdict }) => sum + (verdict === wanted ? to - from : 0), 0);
      for (const verdict of verdicts)
        expect(lasted(parts, verdict)).toBe(lasted(spansOf({ from, to }, history), verdict));
    }),
  );
});

test("an outage is as long as the target's own, whatever it took to confirm its ends", () => {
  const spans = spansOf(
    { from: 0, to: 100 },
    {
      changes: [
        { at: -50, verdict: "up" },
        { at: 20, verdict: "down" },
        { at: 60, verdict: "up" },
      ],
      sightings: [
        { at: 20, since: 15, verdict: "down" },
        { at: 60, since: 52, verdict: "up" },
      ],
      silences: [],
    },
  );
  expect(spans).toEqual([
    { from: 0, to: 15, verdict: "up" },
    { from: 15, to: 52, verdict: "down" },
    { from: 52, to: 100, verdict: "up" },
  ]);
});

test("a failure that began in maintenance counts from its end", () => {
  const spans = spansOf(
    { from: 0, to: 100 },
    {
      changes: [
        { at: 0, verdict: "up" },
        { at: 10, verdict: "maintenance" },
        { at: 40, verdict: "up" },
        { at: 45, verdict: "down" },
      ],
      sightings: [{ at: 45, since: 30, verdict: "down" }],
      silences: [{ from: 20, to: 25 }],
    },
  );
  expect(spans).toEqual([
    { from: 0, to: 10, verdict: "up" },
    { from: 10, to: 40, verdict: "maintenance" },
    { from: 40, to: 100, verdict: "down" },
  ]);
});
