import { Redis, type RedisOptions } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { agentRules, type Dialect } from "../../../coordinator/agents/redis-acl.ts";
import { createRedisUsers, type RedisUsers } from "../../../coordinator/agents/redis-users.ts";
import { createResultsWorkers } from "../../../coordinator/ingest/workers.ts";
import { createMetrics } from "../../../coordinator/metrics.ts";
import { createLogger } from "../../../shared/logger.ts";
import { jobOptions, openQueue } from "../../../shared/queues.ts";
import { testQueueServer } from "../../support/shared-servers.ts";
import { until } from "../../support/until.ts";

const logger = createLogger({ level: "silent", name: "test" });
const results = (key: string) => `watchpost:{results-eu}:${key}`;
const victim = (key: string) => `watchpost:{checks-us}:${key}`;

/** A results worker, and an agent that was taken over and writes what it likes. */
async function setup({ restricted = true, dialect = "selectors" as Dialect } = {}) {
  const { server, url, stop } = await testQueueServer("redis");
  const admin = new Redis(url);
  const users = createRedisUsers({
    server,
    credentials: async () => [],
    consumerKeys: (label) => [Buffer.from(label)],
    logger,
  });
  await users.start();
  const taken: unknown[] = [];
  const metrics = createMetrics();
  const asCoordinator: RedisUsers["consumerOf"] = async () => ({ server, leastPrivilege: false });
  const workers = createResultsWorkers({
    accessTo: restricted ? users.consumerOf : asCoordinator,
    ingest: { take: async (_, data) => void taken.push(data) },
    metrics,
    logger,
  });
  workers.serve(["eu"]);
  const rules = { prefix: "watchpost", region: "eu", agentId: "agt_a", passwordHashes: [] };
  await admin.call("ACL", "SETUSER", "agent", ...agentRules(rules, dialect), ">pw");
  const asAgent = { ...(server as { options: RedisOptions }).options, username: "agent", password: "pw" };
  const agent = new Redis({ ...asAgent, enableReadyCheck: false });
  const queue = openQueue<object>("{results-eu}", {
    server: { kind: "redis", options: asAgent, prefix: "watchpost" },
    logger,
    leastPrivilege: true,
  });
  onTestFinished(async () => {
    await workers.stop();
    await queue.close();
    await users.stop();
    agent.disconnect();
    admin.disconnect();
    await stop();
  });
  return {
    admin,
    agent,
    workers,
    taken,
    metrics,
    add: (n: number) => queue.add("results", { n }, { ...jobOptions, jobId: `agt_a.job_${n}` }),
    /** A job that no BullMQ has written. */
    async forge(id: string, fields: Record<string, string>) {
      const timestamp = String(Date.now());
      await agent.hset(results(id), {
        name: "results",
        data: "{}",
        opts: "{}",
        timestamp,
        delay: "0",
        priority: "0",
        ...fields,
      });
      await agent.lpush(results("wait"), id);
      await agent.zadd(results("marker"), 0, "0");
    },
    broken: () =>
      until(
        () => metrics.text(),
        (text) => text.includes('watchpost_quarantined_total{reason="broken_job"} 1'),
      ),
  };
}

type Setup = Awaited<ReturnType<typeof setup>>;

/** A job of another region that waits for a job of the attacker, so that whoever finishes that one starts it. */
async function plantVictim({ admin }: Setup): Promise<void> {
  await admin.hset(victim("v1"), "name", "checks", "data", "{}", "opts", "{}");
  await admin.zadd(victim("waiting-children"), 0, "v1");
  await admin.sadd(victim("v1:dependencies"), results("agt_a.evil"));
}
const isUntouched = async ({ admin }: Setup): Promise<boolean> =>
  (await admin.exists(victim("wait"))) === 0 && (await admin.scard(victim("v1:dependencies"))) === 1;

const parent = { parentKey: victim("v1"), parent: JSON.stringify({ id: "v1", queueKey: "watchpost:{checks-us}" }) };

test("a forged parent is removed, and nothing of another queue is touched", async () => {
  const all = await setup();
  await plantVictim(all);
  await all.forge("agt_a.evil", parent);
  await all.add(1);
  await all.workers.start();
  await all.broken();
  await until(
    () => all.taken.length,
    (count) => count === 1,
  );
  expect(all.taken).toEqual([{ n: 1 }]);
  expect(await isUntouched(all)).toBe(true);
  expect(await all.admin.exists(results("agt_a.evil"))).toBe(0);
  expect(await all.admin.lrange(results("active"), 0, -1)).toEqual([]);
});

/** An agent can write its job while the worker has it, or after; then it is BullMQ's scripts that would reach out. */
async function forgeAfterwards(all: Setup): Promise<void> {
  await plantVictim(all);
  await all.forge("agt_a.evil", {});
  await all.workers.start();
  await until(
    () => all.admin.zscore(results("completed"), "agt_a.evil"),
    (score) => score !== null,
  );
  await all.agent.hset(results("agt_a.evil"), parent);
  // Old enough to be cleared away with the next job that is done.
  await all.admin.zadd(results("completed"), 1, "agt_a.evil");
  await all.add(1);
}

test("with the rights of the coordinator, clearing away such a job would start one of another queue", async () => {
  const all = await setup({ restricted: false });
  await forgeAfterwards(all);
  await until(
    () => isUntouched(all),
    (untouched) => !untouched,
    { withinMs: 10_000 },
  );
});

test("a parent that is forged when the job is done stops nothing either", async () => {
  const all = await setup();
  await forgeAfterwards(all);
  await all.broken();
  expect(await isUntouched(all)).toBe(true);
  await all.add(2);
  await until(
    () => all.admin.zrange(results("completed"), 0, -1),
    (ids) => ids.includes("agt_a.job_2"),
  );
  expect(all.taken).toEqual([{}, { n: 1 }, { n: 2 }]);
  expect(await all.admin.exists(results("agt_a.evil"))).toBe(0);
});

test("a job that says of itself that it repeats is worked on once", async () => {
  const all = await setup({ dialect: "plain" }); // With selectors an agent cannot write a scheduler.
  await all.agent.hset(results("repeat:again"), { name: "results", every: "50", data: "{}" });
  await all.agent.zadd(results("repeat"), 1_000, "again");
  await all.forge("repeat:again:1000", { rjk: "again", opts: JSON.stringify({ repeat: { every: 50, count: 1 } }) });
  await all.workers.start();
  await until(
    () => all.admin.zcard(results("completed")),
    (count) => count === 1,
  );
  for (let n = 0; n < 5; n++) {
    await all.add(n);
    await until(
      () => all.admin.zscore(results("completed"), `agt_a.job_${n}`),
      (score) => score !== null,
    );
  }
  expect(all.taken).toHaveLength(6);
  expect(await all.admin.exists(results("delayed"))).toBe(0);
});

test.each([
  ["options that are nothing", { opts: "null" }],
  ["a progress that is no JSON", { progress: "{" }],
  ["a parent that is no JSON", { parent: "{" }],
])("a job with %s is removed", async (_, fields) => {
  const all = await setup();
  await all.forge("agt_a.evil", fields);
  await all.workers.start();
  await all.broken();
  expect(await all.admin.lrange(results("active"), 0, -1)).toEqual([]);
});
