import { Redis, type RedisOptions } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { createLogger } from "../../shared/logger.ts";
import { checksQueueName, jobOptions, openQueue, openWorker } from "../../shared/queues.ts";
import { startTestCluster } from "../support/redis-cluster.ts";
import { until } from "../support/until.ts";

test("all keys of one queue lie in one slot, so that Redis Cluster and Dragonfly can hold it", async () => {
  const { server, stop } = await startTestCluster();
  onTestFinished(stop);
  const client = new Redis((server as { options: RedisOptions }).options);
  await expect(client.mget("a", "b")).rejects.toThrow("CROSSSLOT");
  client.disconnect();
  const access = { server, logger: createLogger({ level: "silent", name: "test" }) };
  const name = checksQueueName("eu-west");
  const queue = openQueue<{ n: number }>(name, { ...access, leastPrivilege: false });
  const done: number[] = [];
  const worker = openWorker<{ n: number }>(name, async ({ data }) => void done.push(data.n), {
    ...access,
    leastPrivilege: true,
    concurrency: 5,
    lockDurationMs: 5_000,
    stalledIntervalMs: 2_000,
  });
  onTestFinished(async () => {
    await Promise.all([worker.close(true), queue.close()]);
  });
  void worker.run();
  await queue.addBulk(
    [1, 2, 3].map((n) => ({ name: "checks", data: { n }, opts: { ...jobOptions, jobId: `s0-1-eu-west-${n}` } })),
  );
  await queue.add("checks", { n: 4 }, { ...jobOptions, lifo: true });
  await until(
    () => done.length,
    (count) => count === 4,
  );
  expect(await queue.getFailedCount()).toBe(0);
});
