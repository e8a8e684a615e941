import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { batchesOf, checkOf } from "../../coordinator/dispatch/batches.ts";
import { createRegionQueues } from "../../coordinator/dispatch/region-queues.ts";
import { findRedis, startRedis } from "../../coordinator/embedded/redis.ts";
import type { EmbeddedServer } from "../../coordinator/embedded/server.ts";
import { createSchedule } from "../../coordinator/schedule/schedule.ts";
import { SHARDS } from "../../coordinator/schedule/shard.ts";
import { SLOT_MS, slotAt } from "../../coordinator/schedule/slot.ts";
import type { CheckBatch } from "../../shared/check.ts";
import { ConfigError } from "../../shared/errors.ts";
import { createLogger } from "../../shared/logger.ts";
import type { QueueServer } from "../../shared/queues.ts";
import { checksQueueName, jobOptions, openQueue, openWorker } from "../../shared/queues.ts";
import { aMonitor } from "../support/monitors.ts";
import { targetOf } from "../support/secrets.ts";
import type { Benchmark, Figures, Setting } from "./benchmark.ts";
import { readCpuTimes } from "./process-cpu.ts";
import { openQueueMeter } from "./queue-operations.ts";

const RATES = [1, 10, 100, 1_000];
const DEFAULT_SECONDS = 5;
const REGION = "eu-west";
const WARM_UP_MS = 2_000;
const logger = createLogger({ level: "silent", name: "bench" });

/** One way of getting checks to a worker that does nothing with them. */
interface Way {
  /** Begins to give out `rate` checks a second; resolves to what ends it. */
  start(server: QueueServer, rate: number): Promise<() => Promise<void>>;
}

/** What it costs to get a check from the schedule to a worker, in Node and in Redis, by rate. */
export const queue: Benchmark = {
  about: "the queue alone: CPU and operations per check at 1 to 1,000 checks/s",
  async run(setting) {
    const command = await findRedis();
    if (command === null) throw new ConfigError("the benchmarks need redis-server 6.2+ on the PATH");
    const dataDir = join(setting.dir, "redis");
    await mkdir(dataDir);
    const redis = setting.scope.add(await startRedis(command, { dataDir, logFile: join(setting.dir, "redis.log") }));
    const figures = await measure(setting, redis, "slots and batches", slotsAndBatches);
    const jobPerCheck = await measure(setting, redis, "a job per check", plainJobs);
    const schedulerPerMonitor = await measure(setting, redis, "a scheduler per monitor", jobSchedulers);
    return { figures, baselines: { jobPerCheck, schedulerPerMonitor } };
  },
};

async function measure(
  { seconds, scale, note }: Setting,
  redis: EmbeddedServer,
  name: string,
  way: Way,
): Promise<Figures> {
  const { port, password } = new URL(redis.url);
  const meter = await openQueueMeter(redis.url);
  const figures: Record<string, number> = {};
  for (const rate of RATES) {
    note(`${name}, ${rate} checks/s`);
    const options = { host: "127.0.0.1", port: Number(port), password };
    // A prefix of its own, so that no way finds what another has left.
    const server: QueueServer = { kind: "redis", options, prefix: `${name.replaceAll(" ", "-")}-${rate}` };
    const end = await way.start(server, Math.max(1, Math.round(rate * scale)));
    await sleep(WARM_UP_MS);
    const before = { done, cpu: readCpuTimes(), operations: await meter.read(), own: process.cpuUsage() };
    await sleep((seconds ?? DEFAULT_SECONDS) * 1_000);
    const own = process.cpuUsage(before.own);
    const [operations, cpu] = [await meter.read(), readCpuTimes()];
    const checks = Math.max(1, done - before.done);
    await end();
    const nodeUs = (own.user + own.system) / checks;
    const redisUs = ((cpu.ofTree(redis.pid) - before.cpu.ofTree(redis.pid)) * 1_000) / checks;
    figures[`cpuUsPerCheckAt${rate}`] = nodeUs + redisUs;
    figures[`cpuUsPerCheckNodeAt${rate}`] = nodeUs;
    figures[`cpuUsPerCheckRedisAt${rate}`] = redisUs;
    figures[`redisSentPerCheckAt${rate}`] = (operations.sent - before.operations.sent) / checks;
    figures[`redisExecutedPerCheckAt${rate}`] = (operations.executed - before.operations.executed) / checks;
  }
  await meter.stop();
  return figures;
}

/** Checks that have reached a worker. */
let done = 0;

function monitorsOf(rate: number) {
  return Array.from({ length: rate }, (_, n) => aMonitor({ id: `mon_${n}`, intervalMs: SLOT_MS, timeoutMs: SLOT_MS }));
}

function openChecksWorker(server: QueueServer) {
  const worker = openWorker<CheckBatch>(
    checksQueueName(REGION),
    async ({ data }) => {
      done += data.checks.length;
    },
    {
      server,
      logger,
      leastPrivilege: true,
      concurrency: 100,
      lockDurationMs: 5_000,
      stalledIntervalMs: 2_000,
    },
  );
  void worker.run();
  return worker;
}

const slotsAndBatches: Way = {
  async start(server, rate) {
    const schedule = createSchedule();
    schedule.setRegions([REGION], 0);
    for (const monitor of monitorsOf(rate)) schedule.set(monitor);
    const queues = createRegionQueues(server, logger, () => undefined);
    const worker = openChecksWorker(server);
    let last = Promise.resolve<unknown>(null);
    const timer = setInterval(() => {
      const slot = slotAt(Date.now()) + 1;
      const shards = Array.from({ length: SHARDS }, (_, shard) =>
        batchesOf(shard, slot, schedule.dueIn(shard, slot), targetOf),
      );
      last = queues.push(REGION, shards.flat(), "in turn");
    }, SLOT_MS);
    return async () => {
      clearInterval(timer);
      await last;
      await Promise.all([worker.close(), queues.close()]);
    };
  },
};

const plainJobs: Way = {
  async start(server, rate) {
    const queue = openQueue<CheckBatch>(checksQueueName(REGION), { server, logger, leastPrivilege: false });
    const worker = openChecksWorker(server);
    const monitors = monitorsOf(rate);
    const adding = new Set<Promise<unknown>>();
    const begun = performance.now();
    let added = 0;
    const timer = setInterval(
      () => {
        for (const due = ((performance.now() - begun) * rate) / 1_000; added < due; added++) {
          const monitor = monitors[added % rate] as (typeof monitors)[number];
          const data: CheckBatch = {
            v: 1,
            checks: [
              checkOf(monitor, { round: added, attempt: 0, scheduledAt: Date.now() }, targetOf(monitor, REGION)),
            ],
          };
          const job = queue.add("checks", data, jobOptions);
          adding.add(job);
          job.finally(() => adding.delete(job));
        }
      },
      Math.max(5, SLOT_MS / rate),
    );
    return async () => {
      clearInterval(timer);
      await Promise.all(adding);
      await Promise.all([worker.close(), queue.close()]);
    };
  },
};

const jobSchedulers: Way = {
  async start(server, rate) {
    const queue = openQueue<CheckBatch>(checksQueueName(REGION), { server, logger, leastPrivilege: false });
    const worker = openChecksWorker(server);
    const begin = Date.now();
    await Promise.all(
      monitorsOf(rate).map((monitor, n) => {
        const startDate = begin + (n * SLOT_MS) / rate;
        const data: CheckBatch = {
          v: 1,
          checks: [checkOf(monitor, { round: n, attempt: 0, scheduledAt: startDate }, targetOf(monitor, REGION))],
        };
        return queue.upsertJobScheduler(
          `monitor-${n}`,
          { every: SLOT_MS, startDate },
          { name: "checks", data, opts: jobOptions },
        );
      }),
    );
    return async () => {
      await Promise.all([worker.close(), queue.close()]);
    };
  },
};
