import { isDeepStrictEqual } from "node:util";
import { expect, test } from "vitest";
import { createLogger } from "../../shared/logger.ts";
import { checksQueueName, openQueue, resultsQueueName } from "../../shared/queues.ts";
import { aResult } from "../support/hand-agent.ts";
import { until } from "../support/until.ts";
import type { Deployment } from "./deployment.ts";
import { runWell } from "./run-through.ts";

const REGION = "eu-west";

/** What an agent gone mad, or taken over, puts into the queues; and how often each reason is to be counted for it. */
async function poison({ queueServer, redis, call }: Deployment): Promise<Record<string, number>> {
  const access = {
    server: queueServer,
    logger: createLogger({ level: "silent", name: "test" }),
    leastPrivilege: false,
  };
  const results = openQueue<unknown>(resultsQueueName(REGION), access);
  const checks = openQueue<unknown>(checksQueueName(REGION), access);
  const { data } = await call("GET", "/v1/monitors?limit=1");
  const elsewhere = await call("POST", "/v1/monitors", {
    ...{ name: "Elsewhere", type: "tcp", interval: "1h", tcp: { host: "127.0.0.1", port: 9 }, regions: ["us-east"] },
  });
  const scheduledAt = Date.now();
  const down = { ...aResult({ monitorId: data[0].id, round: 1, attempt: 0, scheduledAt } as never), status: "down" };
  const batch = { v: 1, agentId: "agt-mad", misses: [] };
  await results.add("results", "nonsense");
  await results.add("results", { ...batch, results: Array(1_001).fill(down) });
  await results.add("results", {
    ...batch,
    results: [
      { ...down, status: "splendid" },
      { ...down, monitorId: "mon_nobody" },
      { ...down, monitorId: elsewhere.id, scheduledAt: scheduledAt + 30_000 },
      { ...down, scheduledAt: scheduledAt + 7_200_000 },
    ],
  });
  await checks.add("checks", { v: 1, checks: "nonsense" });
  await checks.add("checks", "nonsense");
  for (const queue of [resultsQueueName(REGION), checksQueueName(REGION)]) {
    const key = (name: string) => `${queueServer.prefix}:${queue}:${name}`;
    await redis.client.hset(key("raw"), {
      name: "raw",
      data: "{",
      opts: "{}",
      timestamp: "1",
      delay: "0",
      priority: "0",
    });
    await redis.client.lpush(key("wait"), "raw");
    await redis.client.zadd(key("marker"), 0, "0");
  }
  await Promise.all([results.close(), checks.close()]);
  return { malformed: 2, oversized: 1, unknown_monitor: 1, foreign_region: 1, clock: 1, broken_job: 1 };
}

/** How often each reason was counted, from the metrics. */
function quarantined(metrics: string): Record<string, number> {
  const lines = [...metrics.matchAll(/^watchpost_quarantined_total\{reason="(\w+)"\} (\d+)$/gm)];
  return Object.fromEntries(lines.map(([, reason, count]) => [reason, Number(count)]));
}

test("poison in the queues is put aside with a reason, and the rest flows on", {
  timeout: 120_000,
}, async (context) => {
  const counts = await runWell(context, {}, async (deployment) => {
    const expected = await poison(deployment);
    // Of each reason as many as there were: neither fewer nor more.
    await until(
      async () => quarantined(await deployment.call("GET", "/metrics")),
      (counted) => isDeepStrictEqual(counted, expected),
      { withinMs: 30_000 },
    );
  });
  expect(counts.missed).toEqual({ no_agent: 0, expired: 0, backlog: 0, coordinator_down: 0 });
});
