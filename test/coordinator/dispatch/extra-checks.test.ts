import { expect, test } from "vitest";
import type { CheckJob } from "../../../coordinator/dispatch/batches.ts";
import { createExtraChecks } from "../../../coordinator/dispatch/extra-checks.ts";
import { createProgress } from "../../../coordinator/dispatch/progress.ts";
import { createSchedule } from "../../../coordinator/schedule/schedule.ts";
import { SHARDS } from "../../../coordinator/schedule/shard.ts";
import { MAX_BATCH } from "../../../shared/queues.ts";
import { aMonitor } from "../../support/monitors.ts";
import { targetOf } from "../../support/secrets.ts";

const NOW = 1_800_000_000_500;
const SLOT = 1_800_000_000;

/** Extra checks where all shards have been dispatched up to below a slot, and what was pushed. */
function setUp({ next = SLOT } = {}) {
  const pushed: CheckJob[] = [];
  const schedule = createSchedule();
  schedule.setRegions(["eu-west", "us-east"], 0);
  const extraChecks = createExtraChecks({
    schedule,
    leases: { held: new Map(Array.from({ length: SHARDS }, (_, shard) => [shard, createProgress(next)])) },
    pusher: {
      async push(jobs, urgency) {
        expect(urgency).toBe("first");
        pushed.push(...jobs);
      },
    },
    targetOf,
  });
  return { extraChecks, schedule, pushed };
}

test("a change that is heard of late is caught up with from the slot in which it took effect", async () => {
  const { extraChecks, schedule, pushed } = setUp({ next: SLOT + 2 });
  const changes = { intervalMs: 1_000, timeoutMs: 1_000, updatedAt: (SLOT - 2) * 1_000 };
  const monitor = aMonitor({ id: "mon_late", ...changes });
  schedule.set(monitor);
  await extraChecks.catchUp(monitor);
  const slots = pushed.flatMap(({ batch }) => batch.checks.map(({ scheduledAt }) => Math.floor(scheduledAt / 1_000)));
  expect(slots.sort()).toEqual([SLOT, SLOT, SLOT + 1, SLOT + 1]);
  expect(new Set(pushed.map(({ jobId }) => jobId)).size).toBe(pushed.length);
});

test("after a change every region is asked at once, with an attempt above 0 of the current round", async () => {
  const { extraChecks, schedule, pushed } = setUp();
  const monitor = aMonitor({ id: "mon_now", updatedAt: NOW, revision: 7 });
  schedule.set(monitor);
  await extraChecks.checkNow(monitor);
  expect(pushed.map(({ jobId }) => jobId)).toEqual(["now-mon_now-7-eu-west", "now-mon_now-7-us-east"]);
  for (const { region, batch } of pushed) {
    const [check] = batch.checks;
    const { round, dueAt } = schedule.roundOf(monitor, region, NOW);
    expect(check).toMatchObject({ round, scheduledAt: NOW, attempt: NOW - dueAt + 1 });
  }
});

test("questions of any two instants are told apart, also those of the round's very beginning", async () => {
  const { extraChecks, schedule, pushed } = setUp();
  const monitor = aMonitor({ id: "mon_asked" });
  schedule.set(monitor);
  const { dueAt } = schedule.roundOf(monitor, "eu-west", NOW);
  for (const at of [dueAt, dueAt + 1, dueAt + 2]) await extraChecks.confirm(monitor, ["eu-west"], at);
  expect(pushed.map(({ batch }) => batch.checks[0]?.attempt)).toEqual([1, 2, 3]);
});

test("a region that is new checks at once what it would else not come to for long", async () => {
  const { extraChecks, schedule, pushed } = setUp();
  const hourly = Array.from({ length: 2_000 }, (_, n) => aMonitor({ id: `mon_${n}`, intervalMs: 3_600_000 }));
  const others = [
    aMonitor({ id: "mon_soon", intervalMs: 60_000 }),
    aMonitor({ id: "mon_elsewhere", intervalMs: 3_600_000, regions: ["eu-west"] }),
    aMonitor({ id: "mon_paused", intervalMs: 3_600_000, enabled: false }),
  ];
  for (const monitor of [...hourly, ...others]) schedule.set(monitor);
  schedule.setRegions(["ap-south", "eu-west", "us-east"], NOW);
  await extraChecks.checkFromRegion("ap-south", NOW);

  const farOff = hourly.filter((monitor) => {
    const { dueAt } = schedule.roundOf(monitor, "ap-south", NOW);
    return dueAt + 3_600_000 - NOW > 60_000;
  });
  expect(farOff.length).toBeLessThan(hourly.length);
  const checked = pushed.flatMap(({ batch }) => batch.checks.map(({ monitorId }) => monitorId));
  expect(checked.sort()).toEqual(farOff.map(({ id }) => id).sort());
  expect(pushed.every(({ region, batch }) => region === "ap-south" && batch.checks.length <= MAX_BATCH)).toBe(true);
});

test("two coordinators that learned of the monitors in another order push the same jobs", async () => {
  const monitors = Array.from({ length: 2_000 }, (_, n) => aMonitor({ id: `mon_${n}`, intervalMs: 3_600_000 }));
  const both = await Promise.all(
    [monitors, monitors.toReversed()].map(async (order) => {
      const { extraChecks, schedule, pushed } = setUp();
      for (const monitor of order) schedule.set(monitor);
      await extraChecks.checkFromRegion("eu-west", NOW);
      return new Map(pushed.map(({ jobId, batch }) => [jobId, batch.checks.map(({ monitorId }) => monitorId)]));
    }),
  );
  expect(both[0]?.size).toBeGreaterThan(SHARDS);
  expect(both[1]).toEqual(both[0]);
});
