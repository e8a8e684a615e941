import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { When } from "../../../coordinator/maintenance/document.ts";
import { windowDocument } from "../../../coordinator/maintenance/document.ts";
import type { Span } from "../../../coordinator/maintenance/spans.ts";
import { isActive, nextEdge, nextSpan, spans } from "../../../coordinator/maintenance/spans.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const zones = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"] as const;
const weekdays = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] as const;

const weekly = (days: string[], from: string, to: string, timeZone: string) =>
  windowDocument.parse({ name: "W", when: { weekly: { days, from, to, timeZone } } }).when;
const cron = (expression: string, duration: string | number, timeZone: string) =>
  windowDocument.parse({ name: "C", when: { cron: { expression, duration, timeZone } } }).when;
const at = (text: string) => Date.parse(text);
const shown = (found: readonly Span[]) =>
  found.map(({ from, to }) => [from, to].map((ms) => new Date(ms).toISOString().slice(0, 16)).join(" "));

describe("weekly, where clocks are set", () => {
  test.each([
    // Berlin: 2026-03-29 02:00 becomes 03:00 at 01:00Z; 2026-10-25 03:00 becomes 02:00 at 01:00Z.
    ["a night that loses an hour", "Europe/Berlin", "sat", "22:00", "04:00", "2026-03-28T21:00 2026-03-29T02:00"],
    ["a night that gains an hour", "Europe/Berlin", "sat", "22:00", "04:00", "2026-10-24T20:00 2026-10-25T03:00"],
    ["a beginning that is skipped", "Europe/Berlin", "sun", "02:30", "04:00", "2026-03-29T01:00 2026-03-29T02:00"],
    ["an end that is skipped", "Europe/Berlin", "sun", "01:00", "02:30", "2026-03-29T00:00 2026-03-29T01:00"],
    ["a beginning that comes twice", "Europe/Berlin", "sun", "02:30", "05:00", "2026-10-25T00:30 2026-10-25T04:00"],
    ["an end that comes twice", "Europe/Berlin", "sun", "01:00", "02:30", "2026-10-24T23:00 2026-10-25T01:30"],
    [
      "an end at the time to which it is set back",
      "Europe/Berlin",
      "sun",
      "01:00",
      "02:00",
      "2026-10-24T23:00 2026-10-25T00:00",
    ],
    ["an hour that comes twice", "Europe/Berlin", "sun", "02:15", "02:45", "2026-10-25T00:15 2026-10-25T01:45"],
    // New York: 2026-03-08 02:00 becomes 03:00 at 07:00Z.
    ["a beginning that is skipped", "America/New_York", "sun", "02:15", "03:15", "2026-03-08T07:00 2026-03-08T07:15"],
    // Lord Howe: 2026-10-04 02:00 becomes 02:30 at 2026-10-03T15:30Z; 2026-04-05 02:00 becomes 01:30 at 2026-04-04T15:00Z.
    ["half an hour skipped", "Australia/Lord_Howe", "sun", "02:10", "03:00", "2026-10-03T15:30 2026-10-03T16:00"],
    ["half an hour twice", "Australia/Lord_Howe", "sun", "01:40", "01:50", "2026-04-04T14:40 2026-04-04T15:20"],
    ["no summer time", "Asia/Kolkata", "sun", "22:00", "22:00", "2026-03-29T16:30 2026-03-30T16:30"],
  ])("%s: %s %s %s-%s", (_, zone, day, from, to, expected) => {
    const near = at(`${expected.slice(0, 16)}Z`);
    const when = weekly([day], from, to, zone);
    expect(shown(spans(when, near - DAY_MS, near + 3 * DAY_MS))).toEqual([expected]);
  });

  test("a window that lies in a skipped hour is left out that week", () => {
    const when = weekly(["sun"], "02:10", "02:50", "Europe/Berlin");
    // Also asked on the very Sunday two weeks before, when that day's own is over.
    for (const asked of ["2026-03-22T12:00Z", "2026-03-28T00:00Z"])
      expect(shown([nextSpan(when, at(asked)) as Span])).toEqual(["2026-04-05T00:10 2026-04-05T00:50"]);
  });
});

describe("cron, where clocks are set", () => {
  test.each([
    ["skipped", "30 2 * * sun", "Europe/Berlin", "2026-03-29T01:00 2026-03-29T02:00"],
    ["twice", "30 2 * * sun", "Europe/Berlin", "2026-10-25T00:30 2026-10-25T01:30"],
    ["skipped", "15 2 * * sun", "Australia/Lord_Howe", "2026-10-03T15:30 2026-10-03T16:30"],
    ["twice", "45 1 * * sun", "Australia/Lord_Howe", "2026-04-04T14:45 2026-04-04T15:45"],
  ])("a time that comes %s: %s in %s", (_, expression, zone, expected) => {
    const near = at(`${expected.slice(0, 16)}Z`);
    expect(shown(spans(cron(expression, "1h", zone), near - DAY_MS, near + DAY_MS))).toEqual([expected]);
  });
});

test("what overlaps or adjoins is one span, and an edge is only where that begins or ends", () => {
  const nights = weekly(["fri", "sat"], "20:00", "20:00", "Asia/Kolkata");
  const [friday, sunday] = [at("2026-05-01T14:30Z"), at("2026-05-03T14:30Z")];
  expect(spans(nights, friday - DAY_MS, sunday + DAY_MS)).toEqual([{ from: friday, to: sunday }]);
  expect(nextEdge(nights, friday - 1)).toBe(friday);
  expect(nextEdge(nights, friday)).toBe(sunday);
  const hourly = cron("0 9,10,11 * * *", "90m", "Asia/Kolkata");
  expect(shown(spans(hourly, at("2026-05-01T00:00Z"), at("2026-05-02T00:00Z")))).toEqual([
    "2026-05-01T03:30 2026-05-01T07:00",
  ]);
});

test("a cron expression whose times always run into each other is always on", () => {
  const when = cron("* * * * *", "1h", "Europe/Berlin");
  const [from, to] = [at("2026-03-28T00:00Z"), at("2026-03-30T00:00Z")];
  expect(spans(when, from, to)).toEqual([{ from, to }]);
});

test("one that is once is on from its first instant to before its last, and never again", () => {
  const { when } = windowDocument.parse({
    name: "O",
    when: { once: { from: "2026-05-01T10:00:00+02:00", to: "2026-05-01T09:00:00Z" } },
  });
  const [from, to] = [at("2026-05-01T08:00Z"), at("2026-05-01T09:00Z")];
  expect([from - 1, from, to - 1, to].map((instant) => isActive(when, instant))).toEqual([false, true, true, false]);
  expect([from - 1, from, to].map((instant) => nextEdge(when, instant))).toEqual([from, to, null]);
});

/** What the clocks of a zone show at each minute from `start` on, as text that sorts. */
function clockOf(zone: string, start: number, minutes: number): string[] {
  const format = new Intl.DateTimeFormat("sv-SE", {
    timeZone: zone,
    dateStyle: "short",
    timeStyle: "short",
  });
  return Array.from({ length: minutes }, (_, n) => format.format(start + n * MINUTE_MS));
}

const dayAfter = (date: string) => new Date(Date.parse(`${date}T00:00Z`) + DAY_MS).toISOString().slice(0, 10);

/** By the clock on the wall, minute after minute: the slow and plain way. */
function referenceWeekly(clock: readonly string[], days: readonly string[], from: string, to: string): boolean[] {
  const on = clock.map(() => false);
  for (const date of new Set(clock.map((text) => text.slice(0, 10)))) {
    if (!days.includes(weekdays[new Date(`${date}T00:00Z`).getUTCDay()] as string)) continue;
    const first = clock.findIndex((text) => text >= `${date} ${from}`);
    const last = clock.findLastIndex((text) => text < `${from < to ? date : dayAfter(date)} ${to}`);
    if (first >= 0) on.fill(true, first, Math.max(first, last + 1));
  }
  return on;
}

function referenceDaily(clock: readonly string[], time: string, minutes: number): boolean[] {
  const on = clock.map(() => false);
  for (const date of new Set(clock.map((text) => text.slice(0, 10)))) {
    const first = clock.findIndex((text) => text >= `${date} ${time}`);
    if (first >= 0) on.fill(true, first, first + minutes);
  }
  return on;
}

const MARGIN_MINUTES = 2 * 1_440;
const RANGE_MINUTES = 6 * 1_440;

const clocks = new Map<string, string[]>();

/** What the clocks of a zone show from two days before the stretch to two days after it. */
function clockAround({ zone, start }: { zone: string; start: number }): string[] {
  const key = `${zone} ${start}`;
  const clock =
    clocks.get(key) ?? clockOf(zone, start - MARGIN_MINUTES * MINUTE_MS, RANGE_MINUTES + 2 * MARGIN_MINUTES);
  clocks.set(key, clock);
  return clock;
}

/** Six days around a change of clocks in 2026, or some other time of that year, with a margin on both sides. */
const stretch = fc
  .tuple(
    fc.constantFrom(...zones),
    fc.constantFrom("2026-03-08", "2026-03-29", "2026-04-05", "2026-10-04", "2026-10-25", "2026-11-01", "2026-07-01"),
  )
  .map(([zone, date]) => {
    const start = at(`${date}T00:00Z`) - 3 * DAY_MS;
    return { zone, start };
  });

function compare(when: When, { start, on }: { start: number; on: readonly boolean[] }): void {
  const expected: Span[] = [];
  for (let n = 0; n < RANGE_MINUTES; n++) {
    if (!on[n + MARGIN_MINUTES]) continue;
    const from = start + n * MINUTE_MS;
    const last = expected.at(-1);
    if (last?.to === from) expected[expected.length - 1] = { ...last, to: from + MINUTE_MS };
    else expected.push({ from, to: from + MINUTE_MS });
  }
  const end = start + RANGE_MINUTES * MINUTE_MS;
  expect(shown(spans(when, start, end))).toEqual(shown(expected));
  for (const { from, to } of expected) {
    for (const instant of [from - 1, from, to - 1, to]) {
      if (instant < start || instant >= end) continue;
      const isOn = expected.some((span) => span.from <= instant && instant < span.to);
      expect(isActive(when, instant)).toBe(isOn);
    }
    if (from > start) expect(nextEdge(when, from - 1)).toBe(from);
  }
}

const time = fc
  .tuple(fc.constantFrom(0, 1, 2, 3, 4, 12, 22, 23), fc.constantFrom(0, 1, 10, 15, 29, 30, 31, 45, 59))
  .map((parts) => parts.map((part) => String(part).padStart(2, "0")).join(":"));

test("weekly windows are what a look at the clock, minute after minute, says", () => {
  fc.assert(
    fc.property(
      stretch,
      fc.subarray([...weekdays], { minLength: 1, maxLength: 6 }),
      time,
      time,
      (span, days, from, to) =>
        compare(weekly(days, from, to, span.zone), { ...span, on: referenceWeekly(clockAround(span), days, from, to) }),
    ),
    { numRuns: 150 },
  );
});

test("daily cron windows are what a look at the clock, minute after minute, says", () => {
  fc.assert(
    fc.property(stretch, time, fc.integer({ min: 1, max: 1_500 }), (span, from, minutes) => {
      const [hour, minute] = from.split(":").map(Number);
      const when = cron(`${minute} ${hour} * * *`, minutes * 60, span.zone);
      compare(when, { ...span, on: referenceDaily(clockAround(span), from, minutes) });
    }),
    { numRuns: 100 },
  );
});
