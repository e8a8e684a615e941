import fc from "fast-check";
import { expect, test } from "vitest";
import { dueAt, firstDueAt, phaseMs, roundAt } from "../../../coordinator/schedule/due.ts";
import type { DueCheck, Schedule } from "../../../coordinator/schedule/schedule.ts";
import { createSchedule } from "../../../coordinator/schedule/schedule.ts";
import { SHARDS, shardOf } from "../../../coordinator/schedule/shard.ts";
import { effectiveSlot, SLOT_MS } from "../../../coordinator/schedule/slot.ts";
import { aMonitor } from "../../support/monitors.ts";

/** The year 2100 in ms since the epoch. */
const END_OF_TIME = 4_102_444_800_000;

const regions = ["ap-south", "eu-west", "us-east"];
const interval = fc.integer({ min: 1, max: 86_400 }).map((seconds) => seconds * 1_000);
const id = fc.string({ minLength: 1, maxLength: 24 });
const slot = fc.integer({ min: 1_000_000_000, max: 3_000_000_000 });

const monitor = fc
  .record({
    id,
    intervalMs: fc.integer({ min: 1, max: 30 }).map((seconds) => seconds * 1_000),
    stagger: fc.boolean(),
    enabled: fc.boolean(),
    regions: fc.oneof(fc.constant("all" as const), fc.subarray(regions, { minLength: 1 })),
  })
  .map(aMonitor);
const monitors = fc.uniqueArray(monitor, { selector: ({ id }) => id, maxLength: 20 });

/** What is due in a slot, over all shards. */
function dueIn(schedule: Schedule, slot: number): DueCheck[] {
  return Array.from({ length: SHARDS }, (_, shard) => schedule.dueIn(shard, slot)).flat();
}

const key = ({ monitor, region, round, scheduledAt }: DueCheck) => `${monitor.id}/${region}/${round}@${scheduledAt}`;

test("a round's instant belongs to that round, and the one before it to the round before", () => {
  fc.assert(
    fc.property(id, interval, fc.boolean(), fc.nat(END_OF_TIME), (id, intervalMs, stagger, end) => {
      const round = Math.floor(end / intervalMs);
      for (const region of regions) {
        const first = firstDueAt({ id, intervalMs, stagger }, regions, region);
        const instant = dueAt(first, intervalMs, round);
        expect(roundAt(first, intervalMs, instant)).toBe(round);
        expect(roundAt(first, intervalMs, instant - 1)).toBe(round - 1);
      }
    }),
  );
});

test("n staggered regions look n times as often, evenly; without stagger all look at once", () => {
  fc.assert(
    fc.property(id, interval, (id, intervalMs) => {
      const at = (stagger: boolean) =>
        regions.map((region) => firstDueAt({ id, intervalMs, stagger }, regions, region));
      const [a = 0, b = 0, c = 0] = at(true);
      expect(b - a).toBe(Math.floor(intervalMs / 3));
      expect(c - a).toBe(Math.floor((2 * intervalMs) / 3));
      expect(new Set(at(false)).size).toBe(1);
    }),
  );
});

test("phases spread over the interval: no tenth of it holds more than a fifth more than its share", () => {
  const tenths = new Array<number>(10).fill(0);
  for (let n = 0; n < 20_000; n++) {
    const tenth = Math.floor(phaseMs(`mon_${n.toString(36).padStart(6, "0")}`, 60_000) / 6_000);
    tenths[tenth] = (tenths[tenth] ?? 0) + 1;
  }
  expect(Math.max(...tenths)).toBeLessThan(2_400);
  expect(Math.min(...tenths)).toBeGreaterThan(1_600);
});

test("over any window the slots hold every due check once, each within its slot, as the formula says", () => {
  fc.assert(
    fc.property(monitors, slot, fc.integer({ min: 1, max: 90 }), (monitors, start, length) => {
      const schedule = createSchedule();
      schedule.setRegions(regions, 0);
      for (const monitor of monitors) schedule.set(monitor);

      const planned: string[] = [];
      for (let s = start; s < start + length; s++) {
        for (const due of dueIn(schedule, s)) {
          expect(Math.floor(due.scheduledAt / SLOT_MS)).toBe(s);
          planned.push(key(due));
        }
      }

      const expected: string[] = [];
      const [from, to] = [start * SLOT_MS, (start + length) * SLOT_MS];
      for (const monitor of monitors.filter(({ enabled }) => enabled)) {
        const own = monitor.regions === "all" ? regions : monitor.regions;
        for (const region of own) {
          const first = firstDueAt(monitor, own, region);
          for (let round = roundAt(first, monitor.intervalMs, from - 1) + 1; ; round++) {
            const scheduledAt = dueAt(first, monitor.intervalMs, round);
            if (scheduledAt >= to) break;
            expected.push(key({ monitor, region, round, scheduledAt }));
          }
        }
      }
      expect(planned.sort()).toEqual(expected.sort());
    }),
  );
});

test("what is due does not depend on the way the schedule came to be", () => {
  fc.assert(
    fc.property(monitors, monitors, slot, (before, after, slot) => {
      const lived = createSchedule();
      lived.setRegions(["eu-west"], 0);
      for (const monitor of before) lived.set(monitor);
      lived.setRegions(regions, 1);
      for (const monitor of before) lived.remove(monitor.id, 2);
      for (const monitor of after) lived.set({ ...monitor, intervalMs: 7_000, updatedAt: 3 });
      for (const monitor of [...after].reverse()) lived.set({ ...monitor, updatedAt: 4 });

      const fresh = createSchedule();
      fresh.setRegions(regions, 0);
      for (const monitor of after) fresh.set(monitor);

      for (let s = slot; s < slot + 30; s++) expect(dueIn(lived, s).map(key)).toEqual(dueIn(fresh, s).map(key));
    }),
  );
});

test("shards divide monitors evenly, whatever their phase", () => {
  const counts = new Array<number>(SHARDS).fill(0);
  for (let n = 0; n < 16_000; n++) {
    const id = `mon_${n.toString(36)}`;
    if (phaseMs(id, 2_000) < 1_000) continue;
    counts[shardOf(id)] = (counts[shardOf(id)] ?? 0) + 1;
  }
  expect(counts).toHaveLength(SHARDS);
  expect(Math.min(...counts)).toBeGreaterThan(400);
  expect(Math.max(...counts)).toBeLessThan(600);
});

test("a change takes effect at one slot: before it all is as it was, from then on all is new, and no check is planned twice", () => {
  const change = fc.oneof(
    fc.record({ kind: fc.constant("set" as const), monitor }),
    fc.record({ kind: fc.constant("remove" as const), monitor }),
    fc.record({ kind: fc.constant("regions" as const), regions: fc.subarray(regions, { minLength: 1 }) }),
  );
  fc.assert(
    fc.property(monitors, change, slot, fc.nat(999), (monitors, change, slot, ms) => {
      const at = slot * SLOT_MS + ms;
      const [before, after, changed] = [createSchedule(), createSchedule(), createSchedule()];
      for (const schedule of [before, after, changed]) {
        schedule.setRegions(regions, 0);
        for (const monitor of monitors) schedule.set(monitor);
      }
      for (const [schedule, when] of [
        [after, 0],
        [changed, at],
      ] as const) {
        if (change.kind === "set") schedule.set({ ...change.monitor, updatedAt: when });
        else if (change.kind === "remove") schedule.remove(change.monitor.id, when);
        else schedule.setRegions(change.regions, when);
      }
      for (let s = slot - 40; s < slot + 40; s++) {
        const expected = s < effectiveSlot(at) ? before : after;
        expect(dueIn(changed, s).map(key)).toEqual(dueIn(expected, s).map(key));
      }
    }),
  );
});
