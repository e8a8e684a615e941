import fc from "fast-check";
import { expect, test } from "vitest";
import { partsOf, unitOf } from "../../../coordinator/store/windows.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = 3_000 * DAY;
const KEPT_FOR = { results: 90 * DAY, minutes: 120 * DAY, hours: 800 * DAY };
const MANY = Number.POSITIVE_INFINITY;

const of = (from: number, to: number, expected = MANY, now = NOW) => partsOf({ from, to }, expected, KEPT_FOR, now);
const tables = (...args: Parameters<typeof of>) => of(...args).parts.map(({ table }) => table);

test("hours answer a window of days with many results, and single results its ends", () => {
  const from = NOW - 3 * DAY - HOUR - 500;
  const to = NOW - DAY + HOUR + 1;
  expect(of(from, to)).toEqual({
    from,
    to,
    parts: [
      { table: "results", from, to: from + 500 },
      { table: "results_hours", from: from + 500, to: to - 1 },
      { table: "results", from: to - 1, to },
    ],
  });
});

test("minutes answer a short window, single results the shortest and those with few results", () => {
  expect(tables(NOW - 2 * HOUR, NOW)).toEqual(["results_minutes"]);
  expect(tables(NOW - HOUR + 1, NOW)).toEqual(["results"]);
  expect(tables(NOW - 30 * DAY - 5, NOW, 130_000)).toEqual(["results"]);
});

test("where single results are no longer kept, whole units of what is answer the ends as well", () => {
  expect(of(NOW - 100 * DAY - 1, NOW - 5)).toEqual({
    from: NOW - 100 * DAY - 60_000,
    to: NOW - 60_000,
    parts: [
      { table: "results_minutes", from: NOW - 100 * DAY - 60_000, to: NOW - 100 * DAY },
      { table: "results_hours", from: NOW - 100 * DAY, to: NOW - HOUR },
      { table: "results_minutes", from: NOW - HOUR, to: NOW - 60_000 },
    ],
  });
  expect(tables(NOW - 300 * DAY, NOW - HOUR)).toEqual(["results_days", "results_hours"]);
  expect(of(NOW - 100 * DAY + 1, NOW - 100 * DAY + 2, 3)).toMatchObject({ to: NOW - 100 * DAY + 60_000 });
  expect(tables(NOW - 1_000 * DAY - 1, NOW)).toEqual(["results_days"]);
});

test("the parts of any window join to it, without gap or overlap, in whole units of tables that are still kept", () => {
  const age = fc.integer({ min: 0, max: 1_200 * DAY });
  fc.assert(
    fc.property(age, age, fc.constantFrom(0, MANY), (a, b, expected) => {
      const now = NOW + 12_345_678;
      const [from, to] = [now - Math.max(a, b), now - Math.min(a, b)];
      const window = of(from, to, expected, now);
      const end = window.parts.reduce((at, part) => {
        expect(part.from).toBe(at);
        expect(part.to).toBeGreaterThan(part.from);
        if (part.table === "results") expect(now - part.from).toBeLessThan(KEPT_FOR.results);
        else expect([part.from % unitOf[part.table], part.to % unitOf[part.table]]).toEqual([0, 0]);
        return part.to;
      }, window.from);
      expect(end).toBe(window.to);
      expect(window.from).toBeLessThanOrEqual(from);
      expect(from - window.from).toBeLessThan(DAY);
    }),
  );
});
