import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { RedisOptions } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { createLogger } from "../../shared/logger.ts";
import { openQueue, openWorker } from "../../shared/queues.ts";
import { testQueueServer } from "../support/shared-servers.ts";
import { until } from "../support/until.ts";

const ONE_WAY_MS = 20;
const JOBS = 100;

/** A way to Redis on which everything takes its time, as from another continent. */
async function longWay({ host, port }: RedisOptions): Promise<number> {
  const carry = (from: Socket, to: Socket) => {
    from.on("data", (bytes) => setTimeout(() => to.destroyed || to.write(bytes), ONE_WAY_MS));
    from.on("error", () => undefined).on("close", () => to.destroy());
  };
  const way = createServer((client) => {
    const upstream = connect(Number(port), host as string);
    carry(client, upstream);
    carry(upstream, client);
  }).listen(0, "127.0.0.1");
  await once(way, "listening");
  onTestFinished(() => void way.close());
  return (way.address() as AddressInfo).port;
}

test("a worker far away starts each job before it fetches the next, and does them side by side", async () => {
  const { server, stop } = await testQueueServer("redis");
  onTestFinished(stop);
  const { options } = server as { options: RedisOptions };
  const logger = createLogger({ level: "silent", name: "test" });
  const queue = openQueue<{ n: number }>("{jobs}", { server, logger, leastPrivilege: false });
  const far = { kind: "redis", options: { ...options, port: await longWay(options) }, prefix: "watchpost" } as const;
  const started: Array<{ n: number; taken: number }> = [];
  let inHand = 0;
  let most = 0;
  const worker = openWorker<{ n: number }>(
    "{jobs}",
    async ({ data: { n } }) => {
      const { active = 0 } = await queue.getJobCounts("active");
      started.push({ n, taken: active });
      most = Math.max(most, ++inHand);
      // No job is done before ten have been started: they are not made one after the other.
      await until(
        () => most,
        (count) => count >= 10,
        { everyMs: 5 },
      );
      inHand--;
    },
    { server: far, logger, leastPrivilege: true, concurrency: 500, lockDurationMs: 5_000, stalledIntervalMs: 2_000 },
  );
  onTestFinished(async () => {
    await Promise.all([worker.close(true), queue.close()]);
  });
  for (let n = 0; n < JOBS; n++) await queue.add("checks", { n });
  void worker.run();
  await until(
    () => queue.getCompletedCount(),
    (count) => count === JOBS,
  );
  expect(started.map(({ n }) => n).sort((a, b) => a - b)).toEqual(Array.from({ length: JOBS }, (_, n) => n));
  expect(started[0]?.taken).toBeLessThanOrEqual(3);
});
