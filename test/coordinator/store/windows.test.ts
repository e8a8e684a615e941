import fc from "fast-check";
import { expect, test } from "vitest";
import { partsOf } from "../../../coordinator/store/windows.ts";

const DAY = 86_400_000;

test("a window is cut into days, hours, minutes and ends", () => {
  const from = 3 * DAY - 3_600_000 - 60_000 - 500;
  expect(partsOf(from, 5 * DAY + 3_600_000)).toEqual([
    { table: "results", from, to: from + 500 },
    { table: "results_minutes", from: from + 500, to: from + 60_500 },
    { table: "results_hours", from: from + 60_500, to: 3 * DAY },
    { table: "results_days", from: 3 * DAY, to: 5 * DAY },
    { table: "results_hours", from: 5 * DAY, to: 5 * DAY + 3_600_000 },
  ]);
});

test("the parts of any window join to it, without gap or overlap", () => {
  const instant = fc.integer({ min: 0, max: 40 * DAY });
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
