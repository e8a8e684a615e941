import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { batchesOf } from "../../coordinator/dispatch/batches.ts";
import { createSchedule, type Schedule } from "../../coordinator/schedule/schedule.ts";
import { SHARDS } from "../../coordinator/schedule/shard.ts";
import { newId } from "../../shared/id.ts";
import type { Monitor } from "../../shared/monitor.ts";
import { aMonitor } from "../support/monitors.ts";
import { targetOf } from "../support/secrets.ts";
import type { Benchmark, Figures } from "./benchmark.ts";

const SIZES = { "10k": 10_000, "100k": 100_000, "1M": 1_000_000 };
const REGIONS = ["ap-south", "eu-west", "us-east"];
const INTERVAL_MS = 60_000;
/** Any slot after the monitors took effect. */
const FIRST_SLOT = 1_800_000_000;

/** Plans monitors of one interval in three regions, without a network: what is due, slot by slot over one interval. */
export const planner: Benchmark = {
  about: "plan up to a million monitors at 60 s in three regions, in memory",
  async run({ seconds, scale, note }) {
    const figures: Record<string, number> = {};
    const emptyLoop: Record<string, number> = {};
    for (const [name, size] of Object.entries(SIZES)) {
      const count = Math.max(1, Math.round(size * scale));
      note(`${count} monitors`);
      const [own, loop] = measure(count, seconds);
      for (const [key, value] of Object.entries(own)) figures[`${key}At${name}`] = value;
      for (const [key, value] of Object.entries(loop)) emptyLoop[`${key}At${name}`] = value;
    }
    return { figures, baselines: { emptyLoop } };
  },
};

function measure(count: number, seconds: number | null): [Figures, Figures] {
  // As they come from the database: parsed, and not put together from parts.
  const monitors = Array.from(
    { length: count },
    () => JSON.parse(JSON.stringify(aMonitor({ id: newId("mon"), intervalMs: INTERVAL_MS }))) as Monitor,
  );
  const before = heapUsed();
  const schedule = createSchedule();
  schedule.setRegions(REGIONS, 0);
  const setUs = cpuUs(() => {
    for (const monitor of monitors) schedule.set(monitor);
  });
  const bytesPerMonitor = (heapUsed() - before) / count;

  const rounds = seconds === null ? 1 : Math.max(1, Math.round(seconds / 60));
  const firstPlanUs = cpuUs(() => {
    for (let slot = 0; slot < 60; slot++) plan(schedule, FIRST_SLOT + slot);
  });
  let planned = 0;
  const planUs = cpuUs(() => {
    for (let slot = 0; slot < rounds * 60; slot++) planned += plan(schedule, FIRST_SLOT + slot);
  });
  let batched = 0;
  const batchUs = cpuUs(() => {
    for (let slot = 0; slot < rounds * 60; slot++) batched += planBatches(schedule, FIRST_SLOT + slot);
  });
  if (planned !== batched || planned !== count * REGIONS.length * rounds)
    throw new Error(`${planned} checks were planned`);
  const loopUs = cpuUs(() => walk(monitors, rounds));
  return [
    {
      planUsPerCheck: planUs / planned,
      planAndBatchUsPerCheck: batchUs / planned,
      // The first pass puts in order what was added.
      firstPlanUsPerCheck: firstPlanUs / (count * REGIONS.length),
      setUsPerMonitor: setUs / count,
      bytesPerMonitor,
    },
    { planUsPerCheck: loopUs / planned },
  ];
}

function plan(schedule: Schedule, slot: number): number {
  let planned = 0;
  for (let shard = 0; shard < SHARDS; shard++) planned += schedule.dueIn(shard, slot).length;
  return planned;
}

function planBatches(schedule: Schedule, slot: number): number {
  let planned = 0;
  for (let shard = 0; shard < SHARDS; shard++) {
    for (const { batch } of batchesOf(shard, slot, schedule.dueIn(shard, slot), targetOf))
      planned += batch.checks.length;
  }
  return planned;
}

/** The same arrays, walked as often, with nothing done: a sum keeps the compiler from leaving it out. */
function walk(monitors: readonly Monitor[], rounds: number): number {
  let sum = 0;
  for (let round = 0; round < rounds; round++) {
    for (const _ of REGIONS) for (const monitor of monitors) sum += monitor.intervalMs;
  }
  return sum;
}

function cpuUs(work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

function heapUsed(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage().heapUsed;
}
