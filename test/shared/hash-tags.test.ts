import { spawn } from "node:child_process";
import { once } from "node:events";
import { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { createLogger } from "../../shared/logger.ts";
import type { QueueServer } from "../../shared/queues.ts";
import { checksQueueName, jobOptions, openQueue, openWorker } from "../../shared/queues.ts";
import { freePort } from "../support/servers.ts";
import { tempDir } from "../support/temp-dir.ts";
import { until } from "../support/until.ts";

/** One Redis in cluster mode that holds every slot: it refuses any command or script whose keys lie in two slots. */
async function startCluster(): Promise<QueueServer> {
  const [dir, port] = await Promise.all([tempDir(), freePort()]);
  const server = spawn(
    "redis-server",
    ["--port", String(port), "--bind", "127.0.0.1", "--cluster-enabled", "yes", "--dir", dir.path],
    {
      stdio: "ignore",
    },
  );
  onTestFinished(async () => {
    server.kill();
    await once(server, "exit");
    await dir.remove();
  });
  const client = new Redis({ port, host: "127.0.0.1", maxRetriesPerRequest: null });
  client.on("error", () => undefined);
  await until(
    () => client.ping().catch(() => ""),
    (answer) => answer === "PONG",
  );
  await client.call("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
  await until(
    () => client.cluster("INFO"),
    (info) => info.includes("cluster_state:ok"),
  );
  await expect(client.mget("a", "b")).rejects.toThrow("CROSSSLOT");
  await client.quit();
  return { kind: "redis", options: { host: "127.0.0.1", port }, prefix: "watchpost" };
}

test("all keys of one queue lie in one slot, so that Redis Cluster and Dragonfly can hold it", async () => {
  const access = { server: await startCluster(), logger: createLogger({ level: "silent", name: "test" }) };
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
