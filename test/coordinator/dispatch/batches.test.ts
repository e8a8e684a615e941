import fc from "fast-check";
import { expect, test } from "vitest";
import { batchesOf } from "../../../coordinator/dispatch/batches.ts";
import { MAX_BATCH } from "../../../shared/queues.ts";
import { aMonitor } from "../../support/monitors.ts";
import { targetOf } from "../../support/secrets.ts";

const due = fc.array(
  fc.record({
    monitor: fc.string({ minLength: 1, maxLength: 8 }).map((id) => aMonitor({ id })),
    region: fc.constantFrom("eu-west", "us-east"),
    round: fc.nat(),
    scheduledAt: fc.nat(),
  }),
  { maxLength: 3_000 },
);

test("every due check is in exactly one batch, of its own region, in order", () => {
  fc.assert(
    fc.property(due, (due) => {
      const jobs = batchesOf(3, 7, due, targetOf);
      for (const region of ["eu-west", "us-east"]) {
        const batched = jobs.filter((job) => job.region === region).flatMap((job) => job.batch.checks);
        const expected = due.filter((check) => check.region === region);
        expect(batched.map(({ monitorId, round, scheduledAt }) => [monitorId, round, scheduledAt])).toEqual(
          expected.map(({ monitor, round, scheduledAt }) => [monitor.id, round, scheduledAt]),
        );
      }
    }),
    { numRuns: 30 },
  );
});

test("job ids are made of shard, slot and region, unlike each other, the same when pushed again, and what BullMQ takes", () => {
  fc.assert(
    fc.property(due, (due) => {
      const ids = batchesOf(3, 7, due, targetOf).map(({ jobId }) => jobId);
      expect(new Set(ids).size).toBe(ids.length);
      expect(batchesOf(3, 7, due, targetOf).map(({ jobId }) => jobId)).toEqual(ids);
      for (const id of ids) expect(id).toMatch(/^s3-7-(eu-west|us-east)-\d+$/);
    }),
    { numRuns: 30 },
  );
});

test("a quiet region has one check per job, a busy one full batches", () => {
  const sizes = (count: number) => {
    const due = Array.from({ length: count }, (_, n) => ({
      monitor: aMonitor(),
      region: "eu-west",
      round: n,
      scheduledAt: n,
    }));
    return batchesOf(3, 7, due, targetOf).map(({ batch }) => batch.checks.length);
  };
  expect(sizes(0)).toEqual([]);
  expect(sizes(3)).toEqual([1, 1, 1]);
  expect(sizes(30)).toEqual([30]);
  expect(sizes(120)).toEqual([MAX_BATCH, MAX_BATCH, 20]);
});

test("a check expires with its round, and after a minute at the latest", () => {
  const expiry = (intervalMs: number) => {
    const due = [{ monitor: aMonitor({ intervalMs }), region: "eu-west", round: 1, scheduledAt: 5_000 }];
    const [job] = batchesOf(3, 1, due, targetOf);
    return job?.batch.checks[0]?.expiresAt;
  };
  expect(expiry(10_000)).toBe(15_000);
  expect(expiry(86_400_000)).toBe(65_000);
});
