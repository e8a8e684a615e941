import fc from "fast-check";
import { expect, test } from "vitest";
import { partsOf } from "../../../coordinator/store/windows.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

test("hours answer a window of days, and single results its ends", () => {
  const from = 3 * DAY - HOUR - 500;
  expect(partsOf(from, 5 * DAY + HOUR + 1)).toEqual([
    { table: "results", from, to: from + 500 },
    { table: "results_hours", from: from + 500, to: 5 * DAY + HOUR },
    { table: "results", from: 5 * DAY + HOUR, to: 5 * DAY + HOUR + 1 },
  ]);
});

test("days answer a long window, minutes a short one, single results the shortest", () => {
  expect(partsOf(DAY - HOUR, 300 * DAY).map(({ table }) => table)).toEqual(["results_hours", "results_days"]);
  expect(partsOf(0, 2 * HOUR).map(({ table }) => table)).toEqual(["results_minutes"]);
  expect(partsOf(0, HOUR - 1).map(({ table }) => table)).toEqual(["results"]);
});

test("the parts of any window join to it, without gap or overlap", () => {
  const instant = fc.integer({ min: 0, max: 400 * DAY });
  fc.assert(
    fc.property(instant, instant, (a, b) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)];
      const end = partsOf(from, to).reduce((at, part) => {
        expect(part.from).toBe(at);
        expect(part.to).toBeGreaterThan(part.from);
        return part.to;
      }, from);
      expect(end).toBe(to);
    }),
  );
});
