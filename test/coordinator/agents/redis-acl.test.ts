import { createHash } from "node:crypto";
import { Redis, type RedisOptions } from "ioredis";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { agentRules, consumerRules, type Dialect } from "../../../coordinator/agents/redis-acl.ts";
import { createLogger } from "../../../shared/logger.ts";
import { openQueue, type QueueServer } from "../../../shared/queues.ts";
import { startAgentProcess } from "../../support/agent-process.ts";
import { startTestCoordinator } from "../../support/coordinator.ts";
import { startTestCluster } from "../../support/redis-cluster.ts";
import { testQueueServer } from "../../support/shared-servers.ts";
import { httpTarget } from "../../support/targets.ts";
import { until } from "../../support/until.ts";

const logger = createLogger({ level: "silent", name: "test" });
const hash = (password: string) => createHash("sha256").update(password).digest("hex");
const agentId = "agt_a";
const who = { prefix: "watchpost", region: "eu", agentId, passwordHashes: [hash("new"), hash("old")] };
const checks = (key: string, region = "eu") => `watchpost:{checks-${region}}:${key}`;
const results = (key: string, region = "eu") => `watchpost:{results-${region}}:${key}`;

const servers = { "one Redis": () => testQueueServer("redis"), "a cluster": startTestCluster };
const dialects: Dialect[] = ["selectors", "plain"];
const all = Object.entries(servers).flatMap(([on, start]) => dialects.map((dialect) => ({ on, start, dialect })));

/** What no agent may touch, whatever its region is. */
const foreign = [
  checks("wait", "us"),
  checks("meta", "eu-2"),
  results("wait", "us"),
  results("agt_a.job_1", "us"),
  "other:{checks-eu}:wait",
  "watchpost:{control}:meta",
  "watchpost:{checks-eu",
  "bull:mail:wait",
  "plain",
];

describe.each(all)("an agent's user on $on with $dialect", ({ on, start, dialect }) => {
  let server: Extract<QueueServer, { kind: "redis" }>;
  let stop: () => Promise<void>;
  let admin: Redis;
  let agent: Redis;
  const asAgent = (password = "new"): RedisOptions => ({ ...server.options, username: "agent", password });

  beforeAll(async () => {
    const started = await start();
    stop = started.stop;
    server = started.server as typeof server;
    admin = new Redis(server.options);
    await admin.call("ACL", "SETUSER", "agent", ...agentRules(who, dialect));
    agent = new Redis({ ...asAgent(), enableReadyCheck: false, disableClientInfo: true });
  });
  afterAll(async () => {
    agent?.disconnect();
    admin?.disconnect();
    await stop?.();
  });

  /** Whether the user may run every command that Redis knows with this key in the place of its keys. */
  async function allowedOn(key: string): Promise<string[]> {
    const known = (await admin.call("COMMAND")) as Array<[name: string, arity: number, flags: string[], first: number]>;
    const verdicts = await Promise.all(
      known.map(async ([name, arity, , first]) => {
        const args: string[] = Array(Math.max(Math.abs(arity), first + 1) - 1).fill("1");
        if (first > 0) args[first - 1] = key;
        // A script's keys follow their number.
        if (name.startsWith("eval") || name.startsWith("fcall")) args.splice(0, args.length, "x", "1", key);
        const verdict = await admin
          .call("ACL", "DRYRUN", "agent", name, ...args)
          .catch((thrown: Error) => thrown.message);
        return verdict === "OK" && (first > 0 || name.startsWith("eval")) ? name : [];
      }),
    );
    return verdicts.flat().sort();
  }

  test.each(foreign)("touches nothing of %s", async (key) => {
    expect(await allowedOn(key)).toEqual([]);
  });

  test("works on its checks", async () => {
    expect(await allowedOn(checks("anything"))).toEqual(
      expect.arrayContaining(["bzpopmin", "del", "eval", "evalsha", "hgetall", "zadd"]),
    );
  });

  test.runIf(dialect === "selectors")("only appends to its results, and only under its own name", async () => {
    const scripts = ["eval", "evalsha"];
    expect(await allowedOn(results("wait"))).toEqual([...scripts, "lpush"]);
    expect(await allowedOn(results("events"))).toEqual([...scripts, "xadd"]);
    expect(await allowedOn(results("marker"))).toEqual([...scripts, "zadd"]);
    expect(await allowedOn(results("id"))).toEqual([...scripts, "incr"]);
    expect(await allowedOn(results("meta"))).toEqual([...scripts, "hget", "hmget", "hset"]);
    expect(await allowedOn(results("active"))).toEqual([...scripts, "llen"]);
    for (const key of ["paused", "completed", "delayed"]) expect(await allowedOn(results(key))).toEqual(scripts);
    const own = [...scripts, "exists", "hget", "hgetall", "hmset", "hset"];
    expect(await allowedOn(results("agt_a.job_1"))).toEqual(own);
    expect(await allowedOn(results("agt_a-2.job_1"))).toEqual(own);
    for (const key of ["agt_ab.job_1", "agt_b.job_1", "failed", "stalled", "repeat", "repeat:x", "pc", "limiter"])
      expect(await allowedOn(results(key))).toEqual([]);
  });

  const denied = /NOPERM|can't|no permission|different slots|CROSSSLOT|don't hash to the same slot/;

  test.each([
    ["KEYS", "*"],
    ["SCAN", "0"],
    ["FLUSHALL"],
    ["FLUSHDB"],
    ["CONFIG", "GET", "*"],
    ["CONFIG", "SET", "requirepass", ""],
    ["INFO"],
    ["CLIENT", "LIST"],
    ["CLIENT", "KILL", "ID", "1"],
    ["CLIENT", "NO-EVICT", "on"],
    ["SUBSCRIBE", "any"],
    ["PSUBSCRIBE", "*"],
    ["PUBLISH", "any", "x"],
    ["ACL", "LIST"],
    ["ACL", "WHOAMI"],
    ["ACL", "SETUSER", "agent", "+@all"],
    ["SCRIPT", "FLUSH"],
    ["SCRIPT", "LOAD", "return 1"],
    ["FUNCTION", "FLUSH"],
    ["MONITOR"],
    ["SHUTDOWN", "NOSAVE"],
    ["REPLICAOF", "127.0.0.1", "1"],
    ["SWAPDB", "0", "1"],
    ["SELECT", "1"],
    ["MULTI"],
    ["RENAME", checks("wait"), checks("wait2")],
    ["COPY", checks("wait"), checks("wait2")],
    ["DUMP", checks("wait")],
    ["MIGRATE", "127.0.0.1", "1", checks("wait"), "0", "1"],
    ["SORT", checks("wait")],
    ["EVAL", "return 1", "1", checks("wait", "us")],
    ["EVAL", "return redis.call('KEYS', '*')", "0"],
    ["EVAL", "return redis.call('FLUSHALL')", "0"],
    ["EVAL", "return redis.call('INFO')", "0"],
    ["EVAL", "return redis.call('PUBLISH', 'any', 'x')", "0"],
    ["EVAL", `return redis.call('LPUSH', '${checks("wait", "us")}', 'x')`, "0"],
    ["EVAL", `return redis.call('HGETALL', '${results("meta", "us")}')`, "0"],
    ["EVAL", `return redis.call('LPUSH', '${checks("wait", "us")}', 'x')`, "1", checks("wait")],
    ["RPOPLPUSH", checks("wait"), checks("wait", "us")],
  ])("is refused %s %s %s", async (...command) => {
    const [name, ...args] = command as [string, ...string[]];
    await expect(agent.call(name, ...args)).rejects.toThrow(denied);
  });

  test("reaches no other queue through a job's parent", async () => {
    const victim = { id: "v1", queue: "watchpost:{checks-us}" };
    await admin.hset(checks("v1", "us"), "name", "checks");
    for (const name of ["{checks-eu}", "{results-eu}"]) {
      const queue = openQueue<object>(name, {
        server: { ...server, options: asAgent() },
        logger,
        leastPrivilege: true,
      });
      const added = queue.add("x", {}, { parent: victim, jobId: "agt_a.job_child" });
      await expect(added).rejects.toThrow(denied);
      await queue.close();
    }
    expect(await admin.exists(checks("v1:dependencies", "us"))).toBe(0);
  });

  test("has both passwords while its secret is rotated, and is cut off at once when it is removed", async () => {
    await admin.call("ACL", "SETUSER", "going", ...agentRules(who, dialect));
    const clients = ["new", "old"].map(
      (password) =>
        new Redis({ ...asAgent(password), username: "going", enableReadyCheck: false, retryStrategy: () => null }),
    );
    onTestFinished(() => {
      for (const client of clients) client.disconnect();
    });
    for (const client of clients) expect(await client.ping()).toBe("PONG");
    const closed = clients.map((client) => new Promise((resolve) => client.once("close", resolve)));
    await admin.call("ACL", "DELUSER", "going");
    await Promise.all(closed);
  });

  // On an older cluster it is the same as on one Redis.
  test.skipIf(on === "a cluster" && dialect === "plain")(
    "is all that a real agent needs, also to take over from one that was killed and to drain",
    async () => {
      const target = await httpTarget((_, response) => setTimeout(() => response.end("ok"), 300));
      const coordinator = await startTestCoordinator("redis", { queueServer: server });
      await admin.call("ACL", "LOG", "RESET");
      const places = { url: coordinator.url, queueServer: server };
      const env = { REDIS_USERNAME: "agent", REDIS_PASSWORD: "new" };
      const agents = [startAgentProcess(places, "eu", "agt_a", env)];
      onTestFinished(async () => {
        await Promise.all(agents.map((one) => one.end("SIGKILL")));
        await coordinator.stop();
        await target.stop();
      });
      for (let n = 0; n < 5; n++) {
        await coordinator.call("POST", "/v1/monitors", {
          name: `M ${n}`,
          type: "http",
          interval: "1s",
          http: { url: `http://127.0.0.1:${target.port}/${n}` },
        });
      }
      const agentsSeen = async () => {
        const { body: monitors } = await coordinator.call("GET", "/v1/monitors");
        const paths = (monitors.data as Array<{ id: string }>).map(({ id }) => `/v1/monitors/${id}/results?limit=200`);
        const answers = await Promise.all(paths.map((path) => coordinator.call("GET", path)));
        return answers.flatMap(({ body }) => body.data as Array<{ agentId: string; status: string; rerun?: boolean }>);
      };
      await until(agentsSeen, (rows) => rows.filter((row) => row.agentId === "agt_a").length >= 10);
      const second = startAgentProcess(places, "eu", "agt_a-2", env);
      agents.push(second);
      await agents[0]?.end("SIGKILL");
      await until(agentsSeen, (rows) => rows.filter((row) => row.agentId === "agt_a-2").length >= 10);
      await until(
        () => admin.exists(checks("stalled-check")),
        (exists) => exists === 1,
      );
      expect(await second.end("SIGTERM")).toBe(0);
      expect(await admin.call("ACL", "LOG")).toEqual([]);
    },
  );
});

test("the consumer of a region's results touches nothing else", async () => {
  const { url, stop } = await testQueueServer("redis");
  const admin = new Redis(url);
  onTestFinished(async () => {
    admin.disconnect();
    await stop();
  });
  await admin.call("ACL", "SETUSER", "consumer", ...consumerRules(who));
  const verdict = (...command: string[]) => admin.call("ACL", "DRYRUN", "consumer", ...command);
  expect(await verdict("HGETALL", results("agt_a.job_1"))).toBe("OK");
  for (const key of [...foreign.filter((key) => key !== results("wait")), checks("wait")])
    expect(await verdict("HGETALL", key)).toMatch(/no permissions to access/);
  for (const command of [["KEYS", "*"], ["FLUSHALL"], ["CONFIG", "GET", "*"], ["PUBLISH", "a", "b"]])
    expect(await verdict(...command)).toMatch(/no permissions/);
});
