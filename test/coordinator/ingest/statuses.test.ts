import { afterEach, expect, test, vi } from "vitest";
import { createStatuses } from "../../../coordinator/ingest/statuses.ts";
import type { RegionResult } from "../../../coordinator/store/verdicts.ts";
import { createLogger } from "../../../shared/logger.ts";
import { until } from "../../support/until.ts";

const logger = createLogger({ level: "silent", name: "test" });
const status = (monitorId: string, scheduledAt: number): RegionResult => ({
  monitorId,
  region: "eu-west",
  status: "up",
  scheduledAt,
  attempt: 0,
  checkedAt: scheduledAt,
  receivedAt: scheduledAt,
  latencyMs: 1,
  statusCode: null,
  address: null,
  phase: null,
  certificate: null,
  certificateExpiresAt: null,
  error: null,
});

afterEach(() => {
  vi.useRealTimers();
});

/** A database that is away until it is told otherwise. */
function database(isThere: boolean) {
  const applied: RegionResult[][] = [];
  const here = { isThere, applied };
  return Object.assign(here, {
    async apply(some: readonly RegionResult[]) {
      if (!here.isThere) throw new Error("away");
      applied.push([...some]);
    },
  });
}

test("statuses given one by one are applied together, each monitor's latest alone", async () => {
  const { apply, applied } = database(true);
  const statuses = createStatuses({ monitorOf: () => undefined, now: Date.now, apply, logger });
  await Promise.all([
    statuses.add([status("a", 1), status("b", 1)]),
    statuses.add([status("a", 3)]),
    statuses.add([status("a", 2)]),
  ]);
  expect(applied).toEqual([[status("a", 3), status("b", 1)]]);
  await statuses.stop();
});

test("answers to different questions are applied each, beside what was scheduled", async () => {
  const { apply, applied } = database(true);
  const statuses = createStatuses({ monitorOf: () => undefined, now: Date.now, apply, logger });
  const answer = (at: number, attempt: number) => ({ ...status("a", at), attempt });
  await statuses.add([status("a", 1), answer(2, 7), answer(3, 8), answer(3, 9), status("a", 4)]);
  expect(applied).toEqual([[status("a", 4), answer(2, 7), answer(3, 9)]]);
  await statuses.stop();
});

test("what renews a vote waits, and what is news takes it along at once", async () => {
  vi.useFakeTimers();
  const { apply, applied } = database(true);
  const monitor = { intervalMs: 10_000, timeoutMs: 5_000, updatedAt: 0 };
  const statuses = createStatuses({ apply, monitorOf: () => monitor, now: Date.now, logger });
  const at = Date.now();
  void statuses.add([status("a", at)]);
  await vi.advanceTimersByTimeAsync(20);
  expect(applied).toEqual([[status("a", at)]]);

  void statuses.add([status("a", at + 1)]);
  await vi.advanceTimersByTimeAsync(400);
  expect(applied).toHaveLength(1);
  void statuses.add([status("b", at)]);
  await vi.advanceTimersByTimeAsync(20);
  expect(applied.slice(1)).toEqual([[status("a", at + 1), status("b", at)]]);

  void statuses.add([status("a", at + 2)]);
  await vi.advanceTimersByTimeAsync(500);
  expect(applied.slice(2)).toEqual([[status("a", at + 2)]]);

  void statuses.add([status("a", at + 3)]);
  const stopped = statuses.stop();
  await vi.advanceTimersByTimeAsync(0);
  await stopped;
  expect(applied).toHaveLength(4);
});

test("while the database is away nobody waits for it, memory does not grow, and then the latest is applied", async () => {
  const away = database(false);
  const statuses = createStatuses({ monitorOf: () => undefined, now: Date.now, apply: away.apply, logger });
  for (let n = 0; n < 1_000; n++) await statuses.add([status("a", n), status("b", n)]);
  expect(statuses.waiting).toBeLessThanOrEqual(2);
  away.isThere = true;
  await until(
    async () => away.applied.flat(),
    (applied) => applied.length === 2,
  );
  expect(away.applied.flat().map(({ scheduledAt }) => scheduledAt)).toEqual([999, 999]);
  await statuses.stop();
});

test("what comes while a flush is under way that fails is not put back by it", async () => {
  const { apply, applied } = database(true);
  let fail: (reason: Error) => void = () => undefined;
  let first = true;
  const statuses = createStatuses({
    monitorOf: () => undefined,
    now: Date.now,
    apply: (some) => {
      if (!first) return apply(some);
      first = false;
      return new Promise((_, reject) => (fail = reject));
    },
    logger,
  });
  const added = statuses.add([status("a", 1)]);
  await until(
    async () => first,
    (still) => !still,
  );
  const later = statuses.add([status("a", 2)]);
  fail(new Error("cut"));
  await Promise.all([added, later]);
  await until(
    async () => applied.length,
    (count) => count === 1,
  );
  expect(applied).toEqual([[status("a", 2)]]);
  await statuses.stop();
});

test("a flush that hangs holds nobody up, and a stop waits for one that does not", async () => {
  let release: () => void = () => undefined;
  const statuses = createStatuses({
    monitorOf: () => undefined,
    now: Date.now,
    apply: () => new Promise((resolve) => (release = resolve)),
    logger,
  });
  await statuses.add([status("a", 1)]);
  await statuses.add([status("a", 2)]);
  release();
  await until(
    async () => statuses.waiting,
    (waiting) => waiting === 0,
  );
  release();
  await statuses.stop();
});
