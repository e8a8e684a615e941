import { expect, test } from "vitest";
import type { CheckJob } from "../../../coordinator/dispatch/batches.ts";
import { createDispatcher } from "../../../coordinator/dispatch/dispatcher.ts";
import { createProgress } from "../../../coordinator/dispatch/progress.ts";
import { createPusher } from "../../../coordinator/dispatch/pusher.ts";
import { createSchedule } from "../../../coordinator/schedule/schedule.ts";
import { SHARDS, shardOf } from "../../../coordinator/schedule/shard.ts";
import type { StoredMiss } from "../../../coordinator/store/results.ts";
import type { MissReason } from "../../../shared/check.ts";
import { createLogger } from "../../../shared/logger.ts";
import { aMonitor } from "../../support/monitors.ts";
import { targetOf } from "../../support/secrets.ts";

const NOW = 1_800_000_000_500;
const SLOT = 1_800_000_000;

/** A dispatcher of all shards whose clock stands still, and what it pushed and missed. */
function setUp({ from = SLOT, live = true, answer = null as MissReason | null } = {}) {
  const pushed: CheckJob[] = [];
  const missed: StoredMiss[] = [];
  const schedule = createSchedule();
  schedule.setRegions(["eu-west", "us-east"], 0);
  const held = new Map(Array.from({ length: SHARDS }, (_, shard) => [shard, createProgress(from)]));
  const onMissed = (misses: readonly StoredMiss[]) => void missed.push(...misses);
  const pusher = createPusher({
    queues: {
      push: async (_, jobs) => {
        if (answer === null) pushed.push(...jobs);
        return answer;
      },
    },
    logger: createLogger({ level: "silent", name: "test" }),
    hasLiveAgent: () => live,
    onMissed,
  });
  const dispatcher = createDispatcher({
    schedule,
    leases: { held },
    pusher,
    targetOf,
    clock: { now: () => NOW, monotonic: () => NOW },
    onMissed,
  });
  const dispatch = async () => {
    await dispatcher.start();
    await dispatcher.stop();
  };
  return { dispatch, schedule, held, pushed, missed };
}

const everySecond = (id: string, changes = {}) => aMonitor({ id, intervalMs: 1_000, timeoutMs: 1_000, ...changes });

test("what is due in the slot that is about to begin is pushed, once per region, and the watermark moves", async () => {
  const { dispatch, schedule, pushed, missed, held } = setUp({ from: SLOT + 1 });
  schedule.set(everySecond("mon_a"));
  await dispatch();
  expect(pushed.map(({ region, jobId }) => [region, jobId])).toEqual([
    ["eu-west", `s${shardOf("mon_a")}-${SLOT + 1}-eu-west-0`],
    ["us-east", `s${shardOf("mon_a")}-${SLOT + 1}-us-east-0`],
  ]);
  expect(missed).toEqual([]);
  expect([...held.values()].every(({ watermark }) => watermark === SLOT + 1)).toBe(true);
});

test.each([
  ["a region without an agent", { live: false }, "no_agent"],
  ["a queue that is full", { answer: "backlog" }, "backlog"],
] as const)("checks for %s are accounted for", async (_, options, reason) => {
  const { dispatch, schedule, pushed, missed } = setUp({ from: SLOT + 1, ...options });
  schedule.set(everySecond("mon_a"));
  await dispatch();
  expect(pushed).toEqual([]);
  expect(missed).toHaveLength(2);
  expect(missed[0]).toMatchObject({ monitorId: "mon_a", region: "eu-west", attempt: 0, reason });
});

test("of slots that were left behind only what is not over yet is pushed; the rest is accounted for", async () => {
  const { dispatch, schedule, pushed, missed } = setUp({ from: SLOT - 5 });
  schedule.set(everySecond("mon_short"));
  schedule.set(aMonitor({ id: "mon_long", intervalMs: 7_000 }));
  await dispatch();
  const checks = pushed.flatMap(({ batch }) => batch.checks);
  expect(checks.every(({ expiresAt }) => expiresAt > NOW)).toBe(true);
  // Seven slots hold one check of seven seconds per region: pushed, though its instant is past.
  expect(checks.filter(({ monitorId }) => monitorId === "mon_long")).toHaveLength(2);
  const short = (list: readonly { monitorId: string }[]) =>
    list.filter(({ monitorId }) => monitorId === "mon_short").length;
  expect(short(checks) + short(missed)).toBe(14);
  expect(new Set(missed.map(({ reason }) => reason))).toEqual(new Set(["coordinator_down"]));
});
