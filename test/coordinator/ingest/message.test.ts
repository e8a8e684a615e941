import { expect, test } from "vitest";
import { readMessage } from "../../../coordinator/ingest/message.ts";
import { resultBatch } from "../../../shared/result.ts";
import { aResult } from "../../support/hand-agent.ts";

const NOW = Date.UTC(2026, 5, 1);
const good = aResult({ monitorId: "mon_a", round: 3, attempt: 0, scheduledAt: NOW - 100 } as never);
const batch = (results: readonly unknown[], rest: object = {}) => ({
  v: 1,
  agentId: "agt_a",
  misses: [],
  results,
  ...rest,
});
const read = (data: unknown) => readMessage(data, NOW, NOW - 1_000_000);

const odd = [undefined, null, "", "x", -1, 1.5, 1e300, Number.NaN, {}, [], true, "y".repeat(2_000)];
const fields = Object.keys(good);

test("what is taken is taken as it came", () => {
  const failed = {
    ...good,
    status: "down",
    error: { code: "connect_timeout", message: "no" },
    failedAssertions: ["a"],
  };
  const miss = { monitorId: "mon_a", round: 1, attempt: 0, scheduledAt: NOW - 5, reason: "expired" };
  const message = read(batch([good, failed, { ...good, rerun: true }], { misses: [miss] }));
  expect(message).toEqual({
    agentId: "agt_a",
    results: [good, failed, { ...good, rerun: true }],
    misses: [miss],
    unfit: [],
  });
});

test.each(fields.flatMap((field) => odd.map((value) => [field, value] as const)))(
  "takes %s: %j only where the schema does",
  (field, value) => {
    const one = { ...good, [field]: value };
    const taken = read(batch([one, good])).results;
    expect(taken.length).toBeGreaterThanOrEqual(1);
    if (!resultBatch.safeParse(batch([one])).success) expect(taken).toHaveLength(1);
  },
);

test.each(odd.slice(1).map((value) => [value]))("takes a phase of %j only where the schema does", (value) => {
  const one = { ...good, phases: { tlsMs: value } };
  const taken = read(batch([one])).results.length;
  expect(taken).toBe(resultBatch.safeParse(batch([one])).success ? 1 : 0);
});

test.each([
  [{ scheduledAt: NOW + 60_001 }, "clock"],
  [{ scheduledAt: NOW - 1_000_001, startedAt: NOW - 1_000_000 }, "clock"],
  [{ startedAt: NOW + 86_400_001 }, "malformed"],
  [{ failedAssertions: Array(51).fill("a") }, "oversized"],
  [{ error: { code: "connect_timeout", message: "x".repeat(1_001) } }, "oversized"],
  [{ monitorId: "a\0" }, "malformed"],
])("tells of %j as %s and takes the rest", (changes, reason) => {
  const { results, unfit } = read(batch([{ ...good, ...changes }, good]));
  expect(results).toEqual([good]);
  expect(unfit).toMatchObject([{ reason, message: expect.stringMatching(/^results\.0\./) }]);
});

test.each([null, [], "x", { v: 2 }, batch([], { agentId: "a b" }), batch([], { misses: {} })])(
  "refuses %j as no batch",
  (data) => expect(() => read(data)).toThrow(expect.objectContaining({ reason: "malformed" })),
);

test("refuses a batch of too many as oversized", () => {
  expect(() => read(batch(Array(1_001).fill(good)))).toThrow(expect.objectContaining({ reason: "oversized" }));
});

test("replaces what a store would refuse a whole batch for", () => {
  const error = { code: "connect_timeout", message: "nul \0 half \ud83d whole \ud83d\ude00" };
  expect(read(batch([{ ...good, error }])).results[0]?.error?.message).toBe(
    "nul \ufffd half \ufffd whole \ud83d\ude00",
  );
});
