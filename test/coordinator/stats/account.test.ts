import fc from "fast-check";
import { expect, test } from "vitest";
import { accountFor } from "../../../coordinator/stats/account.ts";

const count = fc.nat(100);
const observed = fc.record({
  scheduled: count,
  results: count,
  reported: fc.record(
    { no_agent: count, expired: count, backlog: count, coordinator_down: count },
    { requiredKeys: [] },
  ),
  inGaps: count,
});

test("every scheduled check has a result or one reason, exactly", () => {
  fc.assert(
    fc.property(observed, (observed) => {
      const { scheduled, results, missed } = accountFor(observed);
      const sum = Object.values(missed).reduce((a, b) => a + b, 0);
      expect(sum).toBe(Math.max(0, scheduled - results));
      expect(Math.min(...Object.values(missed))).toBeGreaterThanOrEqual(0);
    }),
  );
});

test("reported reasons come first, then gaps, and what is left was dispatched and never made", () => {
  const account = accountFor({
    scheduled: 20,
    results: 10,
    reported: { no_agent: 2, expired: 1, coordinator_down: 1 },
    inGaps: 4,
  });
  expect(account).toEqual({
    scheduled: 20,
    results: 10,
    missed: { no_agent: 2, expired: 3, backlog: 0, coordinator_down: 5 },
    coverage: 0.5,
  });
});

test("where nothing was scheduled there is no coverage", () => {
  expect(accountFor({ scheduled: 0, results: 0, reported: {}, inGaps: 0 }).coverage).toBeNull();
});
