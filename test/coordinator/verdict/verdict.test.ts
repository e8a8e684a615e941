import fc from "fast-check";
import { expect, test } from "vitest";
import type { Policy, Vote } from "../../../coordinator/verdict/verdict.ts";
import { freshnessMs, judge, quorumOf } from "../../../coordinator/verdict/verdict.ts";

const regions = ["a", "b", "c"];
const policy: Policy = { enabled: true, intervalMs: 30_000, timeoutMs: 10_000, quorum: "majority" };
const now = 1_000_000;

const votes = (...statuses: Array<Vote["status"] | null>): Vote[] =>
  statuses.flatMap((status, n) =>
    status === null ? [] : [{ region: regions[n] as string, status, scheduledAt: now - 1_000 }],
  );

test.each([
  [["up", "up", "up"], "up"],
  [["down", "up", "up"], "degraded"],
  [["down", "down", "up"], "down"],
  [["down", "down", "down"], "down"],
  [["degraded", "up", "up"], "up"],
  [["degraded", "degraded", "up"], "degraded"],
  [["degraded", "down", "up"], "degraded"],
  [["up", null, null], "unknown"],
  [["down", null, null], "unknown"],
  [["down", "down", null], "down"],
  [["down", "up", null], "degraded"],
  [["error", "error", "error"], "unknown"],
  [["error", "up", "up"], "up"],
  [[null, null, null], "unknown"],
] as const)("by majority of three, %j is %s", (statuses, verdict) => {
  expect(judge(votes(...statuses), regions, policy, now).verdict).toBe(verdict);
});

test.each([
  ["any", ["down", "up", "up"], "down"],
  ["any", ["up", null, null], "up"],
  ["all", ["down", "down", "up"], "degraded"],
  ["all", ["down", "down", "down"], "down"],
  ["all", ["up", "up", null], "up"],
  ["all", ["up", null, null], "unknown"],
  [2, ["down", "down", "up"], "down"],
  [9, ["down", "down", "down"], "down"],
  [3, ["up", "up", null], "up"],
  [3, ["down", "down", null], "degraded"],
  [9, ["up", null, null], "unknown"],
] as const)("with quorum %s, %j is %s", (quorum, statuses, verdict) => {
  expect(judge(votes(...statuses), regions, { ...policy, quorum }, now).verdict).toBe(verdict);
});

test("half is not a majority", () => {
  expect([1, 2, 3, 4, 5].map((n) => quorumOf("majority", n))).toEqual([1, 2, 2, 3, 3]);
});

test("a paused monitor is paused whatever its votes", () => {
  expect(judge(votes("down", "down", "down"), regions, { ...policy, enabled: false }, now)).toEqual({
    verdict: "paused",
    staleAt: null,
  });
});

test("a vote counts for two intervals and the timeout, and not an instant longer", () => {
  const cast = votes("up", "up", "up");
  const end = now - 1_000 + freshnessMs(policy);
  expect(judge(cast, regions, policy, now)).toEqual({ verdict: "up", staleAt: end });
  expect(judge(cast, regions, policy, end - 1).verdict).toBe("up");
  expect(judge(cast, regions, policy, end)).toEqual({ verdict: "unknown", staleAt: null });
});

const anyPolicy = fc.record({
  enabled: fc.constant(true),
  intervalMs: fc.constantFrom(1_000, 30_000),
  timeoutMs: fc.constantFrom(500, 10_000),
  quorum: fc.oneof(fc.constantFrom("any", "majority", "all" as const), fc.integer({ min: 1, max: 6 })) as fc.Arbitrary<
    Policy["quorum"]
  >,
});
const anyRegions = fc.uniqueArray(fc.constantFrom<string[]>("a", "b", "c", "d", "e"), { minLength: 1 });
const anyVotes = fc.uniqueArray(
  fc.record({
    region: fc.constantFrom("a", "b", "c", "d", "e", "elsewhere"),
    status: fc.constantFrom("up", "degraded", "down", "error" as const) as fc.Arbitrary<Vote["status"]>,
    scheduledAt: fc.integer({ min: now - 100_000, max: now }),
  }),
  { selector: ({ region }) => region },
);

test("the order of votes does not matter", () => {
  fc.assert(
    fc.property(anyVotes, anyRegions, anyPolicy, (votes, regions, policy) => {
      const shuffled = [...votes].reverse();
      expect(judge(shuffled, [...regions].reverse(), policy, now)).toEqual(judge(votes, regions, policy, now));
    }),
  );
});

test("a region without a vote changes nothing, whatever it says", () => {
  fc.assert(
    fc.property(anyVotes, anyRegions, anyPolicy, (votes, regions, policy) => {
      const entitled = votes.filter(({ region }) => regions.includes(region));
      expect(judge(votes, regions, policy, now)).toEqual(judge(entitled, regions, policy, now));
    }),
  );
});

test("fewer failing votes than the quorum are never down; a quorum of fresh ones always is", () => {
  fc.assert(
    fc.property(anyVotes, anyRegions, anyPolicy, (votes, regions, policy) => {
      const failing = votes.filter(
        ({ region, status, scheduledAt }) =>
          regions.includes(region) && status === "down" && scheduledAt + freshnessMs(policy) > now,
      ).length;
      const { verdict } = judge(votes, regions, policy, now);
      expect(verdict === "down").toBe(failing >= quorumOf(policy.quorum, regions.length));
    }),
  );
});

test("silence is unknown, never up and never down", () => {
  fc.assert(
    fc.property(anyVotes, anyRegions, anyPolicy, (votes, regions, policy) => {
      expect(judge(votes, regions, policy, now + 10_000_000).verdict).toBe("unknown");
    }),
  );
});
