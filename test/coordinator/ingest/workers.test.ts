import { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { createResultsWorkers } from "../../../coordinator/ingest/workers.ts";
import { createMetrics } from "../../../coordinator/metrics.ts";
import { createLogger } from "../../../shared/logger.ts";
import { openQueue, resultsQueueName } from "../../../shared/queues.ts";
import { testQueueServer } from "../../support/shared-servers.ts";
import { until } from "../../support/until.ts";

const logger = createLogger({ level: "silent", name: "test" });

async function serving(take: (data: any, repeated: boolean) => Promise<void>) {
  const { server, url, stop } = await testQueueServer("redis");
  const queue = openQueue<any>(resultsQueueName("eu-west"), { server, logger, leastPrivilege: false });
  const metrics = createMetrics();
  const make = (silentMs = 60_000, maxInHand = 1_000_000) =>
    createResultsWorkers({
      maxInHand,
      accessTo: async () => ({ server, leastPrivilege: false }),
      metrics,
      logger,
      silentMs,
      ingest: { take: (_, data, repeated) => take(data, repeated) },
    });
  const redis = new Redis(url);
  onTestFinished(async () => {
    redis.disconnect();
    await queue.close();
    await stop();
  });
  return { queue, metrics, redis, make };
}

test("a job whose hash was broken by hand is removed and counted, and the rest flows on", async () => {
  const taken: number[] = [];
  const { queue, metrics, redis, make } = await serving(async ({ n }) => void taken.push(n));
  for (const n of [1, 2, 3, 4]) await queue.add("results", { n }, { jobId: `job-${n}` });
  await redis.hset(queue.toKey("job-2"), "data", "{nope");
  await redis.hset(queue.toKey("job-3"), "opts", "[");
  const workers = make();
  workers.serve(["eu-west"]);
  await workers.start();
  await until(
    () => metrics.text(),
    (text) => text.includes('watchpost_quarantined_total{reason="broken_job"} 2'),
  );
  await until(
    async () => taken,
    () => taken.length === 2,
  );
  expect(taken).toEqual([1, 4]);
  expect(await redis.lrange(queue.toKey("active"), 0, -1)).toEqual([]);
  expect(await redis.exists(queue.toKey("job-2"), queue.toKey("job-3"))).toBe(0);
  await workers.stop();
});

test("with too much in hand a worker takes one job at a time, and goes on when there is room", async () => {
  const waiting: Array<() => void> = [];
  const { queue, make } = await serving(() => new Promise((resolve) => waiting.push(resolve)));
  for (let n = 0; n < 20; n++) await queue.add("results", { text: "x".repeat(1_000) });
  const workers = make(60_000, 4_500);
  workers.serve(["eu-west"]);
  await workers.start();
  await until(
    () => waiting.length,
    (count) => count === 5,
  );
  expect(await queue.getJobCounts("wait", "active")).toEqual({ wait: 15, active: 5 });
  for (const resolve of waiting.splice(0)) resolve();
  for (let taken = 5; taken < 20; ) {
    await until(
      () => waiting.length,
      (count) => count > 0,
    );
    taken += waiting.length;
    for (const resolve of waiting.splice(0)) resolve();
  }
  await workers.stop();
});

test("a job that could not be stored goes back unharmed, and is marked as repeated when it comes again", async () => {
  const seen: boolean[] = [];
  const { queue, make } = await serving(async (_, repeated) => {
    seen.push(repeated);
    if (seen.length <= 4) throw new Error("stopped");
  });
  await queue.add("results", {}, { jobId: "one", attempts: 1 });
  const workers = make();
  workers.serve(["eu-west"]);
  await workers.start();
  await until(
    () => queue.getJobCounts("completed", "failed"),
    ({ completed }) => completed === 1,
  );
  expect(seen).toEqual([false, true, true, true, true]);
  await workers.stop();
});

test("a worker without completed fetches is opened anew, however often, and each job is taken once", async () => {
  const taken: number[] = [];
  const { queue, make, redis } = await serving(async ({ n }) => void taken.push(n));
  // An idle fetch takes longer than this: each worker is given up in turn.
  const workers = make(200);
  await workers.start();
  workers.serve(["eu-west"]);
  const ids = async () => ((await redis.client("LIST")) as string).match(/(?<=^id=)\d+(?=.* cmd=bzpopmin)/gm) ?? [];
  const [first] = await until(ids, (found) => found.length > 0);
  await until(ids, (found) => found.length > 0 && !(found as string[]).includes(first as string));
  for (let n = 0; n < 20; n++) await queue.add("results", { n });
  await until(
    async () => taken,
    (all) => all.length >= 20,
  );
  expect(taken.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n));
  expect((await workers.depths()).find(([{ state }]) => state === "wait")).toEqual([
    { queue: "{results-eu-west}", state: "wait" },
    0,
  ]);
  await workers.stop();
});
