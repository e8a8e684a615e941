import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestRedis, type TestServer } from "../support/servers.ts";
import { openQueueMeter } from "./queue-operations.ts";

let redis: TestServer;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());

test("a script is one command sent and as many executed as it holds", async () => {
  const meter = await openQueueMeter(redis.url);
  const client = new Redis(redis.url);
  await client.ping();
  const before = await meter.read();
  await client.eval(
    "redis.call('SET', KEYS[1], 1); redis.call('INCR', KEYS[1]); return redis.call('GET', KEYS[1])",
    1,
    "k",
  );
  const after = await meter.read();
  client.disconnect();
  await meter.stop();
  // The meter's own INFO is one of each.
  expect(after.sent - before.sent).toBe(2);
  expect(after.executed - before.executed).toBe(4);
});
