import { expect, test } from "vitest";
import { longestWaitMs } from "../../../coordinator/schedule/due.ts";

test.each([
  [1_000, 1_000],
  [60_000, 60_000],
  [86_400_000, 60_000],
])("a check of a monitor that runs every %i ms waits %i ms for an agent and no longer", (intervalMs, waitMs) => {
  expect(longestWaitMs({ intervalMs })).toBe(waitMs);
});
