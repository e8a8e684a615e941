import { Redis } from "ioredis";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createLogger } from "../../shared/logger.ts";
import { openQueue, openWorker } from "../../shared/queues.ts";
import { startTestRedis, type TestServer } from "../support/servers.ts";
import { until } from "../support/until.ts";

let redis: TestServer;
let admin: Redis;
beforeEach(async () => {
  redis = await startTestRedis();
  admin = new Redis(redis.url);
});
afterEach(async () => {
  admin.disconnect();
  await redis.stop();
});

test("a password that has changed is presented by the next connection, of a queue and of both of a worker's", async () => {
  await admin.call("ACL", "SETUSER", "agent", "on", ">first", "~*", "&*", "+@all");
  let password = "first";
  const { port } = new URL(redis.url);
  const access = {
    server: {
      kind: "redis",
      options: { host: "127.0.0.1", port: Number(port), username: "agent" },
      password: () => password,
      prefix: "watchpost",
    },
    logger: createLogger({ level: "silent", name: "test" }),
    leastPrivilege: true,
  } as const;
  const queue = openQueue<number>("{numbers}", access);
  const done: number[] = [];
  const worker = openWorker<number>("{numbers}", async ({ data }) => void done.push(data), {
    ...access,
    concurrency: 1,
    lockDurationMs: 5_000,
    stalledIntervalMs: 5_000,
  });
  const refusals: string[] = [];
  const note = ({ message }: Error) => void refusals.push(message);
  queue.on("error", note);
  worker.on("error", note);
  void worker.run();
  try {
    await queue.add("number", 1);
    await until(
      () => done,
      (all) => all.length === 1,
    );
    password = "second";
    await admin.call("ACL", "SETUSER", "agent", "resetpass", ">second");
    const clients = async () => String(await admin.call("CLIENT", "LIST")).match(/^id=\d+.*user=agent/gm) ?? [];
    const before = new Set((await clients()).map((line) => line.split(" ")[0]));
    expect(before.size).toBe(3);
    await admin.call("CLIENT", "KILL", "USER", "agent");
    await until(clients, (lines) => lines.length === 3 && lines.every((line) => !before.has(line.split(" ")[0])));
    await queue.add("number", 2);
    await until(
      () => done,
      (all) => all.length === 2,
    );
    expect(refusals.filter((reason) => /WRONGPASS|NOAUTH/.test(reason))).toEqual([]);
  } finally {
    await worker.close(true);
    await queue.close();
  }
});
