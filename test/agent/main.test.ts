import { join } from "node:path";
import { Redis } from "ioredis";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { findRedis, startRedis } from "../../coordinator/embedded/redis.ts";
import type { CheckBatch } from "../../shared/check.ts";
import type { QueueServer } from "../../shared/queues.ts";
import { checksQueueName, jobOptions, openQueue, openWorker, resultsQueueName } from "../../shared/queues.ts";
import type { ResultBatch } from "../../shared/result.ts";
import { startAgentProcess } from "../support/agent-process.ts";
import { httpCheck, tcpCheck } from "../support/checks.ts";
import { agentToken } from "../support/coordinator.ts";
import { type LinkServer, startLinkServer } from "../support/link-server.ts";
import { freePort, startTestPostgres, startTestRedis, type TestServer } from "../support/servers.ts";
import { hangingTarget, httpTarget } from "../support/targets.ts";
import { tempDir } from "../support/temp-dir.ts";
import { until } from "../support/until.ts";

const logger = pino({ level: "silent" });
const region = "eu-west";

/** What an agent may do with Redis: the commands of BullMQ's worker and of adding, on its own region's keys. */
const agentRights = [
  "-@all +auth +ping +quit +bzpopmin +evalsha +eval +client|setname",
  "+del +exists +get +hdel +hexists +hget +hgetall +hincrby +hmget +hmset +hset +incr +llen +lpush +lrange +lrem +ltrim",
  "+pexpire +pttl +rpoplpush +rpush +sadd +scard +set +smembers +srem +xadd +xtrim +zadd +zcard +zpopmin +zrange",
  "+zrangebyscore +zrem +zremrangebyrank +zremrangebyscore +zrevrange +zrevrangebyscore +zscore",
].join(" ");

describe("the agent as a program", () => {
  let redis: TestServer;
  let server: QueueServer & { kind: "redis" };
  let link: LinkServer;
  const agents: ReturnType<typeof startAgentProcess>[] = [];
  const closers: Array<() => Promise<unknown>> = [];

  beforeEach(async () => {
    redis = await startTestRedis();
    const { port, password } = new URL(redis.url);
    server = { kind: "redis", options: { host: "127.0.0.1", port: Number(port), password }, prefix: "watchpost" };
    link = await startLinkServer(agentToken);
  });
  afterEach(async () => {
    await Promise.all(agents.splice(0).map((agent) => agent.end("SIGKILL")));
    for (const close of closers.splice(0).reverse()) await close();
    await link.stop();
    await redis.stop();
  });

  function start(env: NodeJS.ProcessEnv = {}, queueServer: QueueServer = server) {
    const agent = startAgentProcess({ url: link.url, queueServer }, region, "agt-1", env);
    agents.push(agent);
    return agent;
  }
  function openChecks() {
    const checks = openQueue<CheckBatch>(checksQueueName(region), { server, logger, leastPrivilege: false });
    closers.push(() => checks.close());
    return checks;
  }
  function collectResults() {
    const rounds: number[] = [];
    const ingest = openWorker<ResultBatch>(
      resultsQueueName(region),
      async ({ data }) => void rounds.push(...data.results.map(({ round }) => round)),
      { server, logger, leastPrivilege: false, concurrency: 5, lockDurationMs: 30_000, stalledIntervalMs: 30_000 },
    );
    void ingest.run();
    closers.push(() => ingest.close());
    return rounds;
  }
  const dueNow = (url: string, round: number, timeoutMs = 5_000) => ({
    ...httpCheck(url, { timeoutMs }),
    round,
    scheduledAt: Date.now(),
    expiresAt: Date.now() + 60_000,
  });

  test.each([
    [{ WATCHPOST_REGION: "" }, "watchpost: WATCHPOST_REGION must be set\n"],
    [{ WATCHPOST_AGENT_SPOOL_DIR: "/proc/spool" }, "watchpost: the spool directory /proc/spool cannot be made there"],
    [{ REDIS_HOST: "", REDIS_PORT: "" }, "watchpost: no queue server: set REDIS_URL"],
  ])("cannot work with %o: one line, exit code 2", async (env, line) => {
    const agent = start(env);
    expect(await agent.exited).toBe(2);
    expect(agent.output()).toContain(line);
    expect(agent.output().trim().split("\n")).toHaveLength(1);
  });

  test("cannot work with a health port that is taken: exit code 2", async () => {
    const taken = await hangingTarget();
    closers.push(() => taken.stop());
    const agent = start({ WATCHPOST_HEALTH_PORT: String(taken.port) });
    expect(await agent.exited).toBe(2);
    expect(agent.output()).toContain(`port ${taken.port} is in use: set WATCHPOST_HEALTH_PORT`);
  });

  test.each(["a wrong password", "none"])("ends with exit code 1 when Redis refuses %s", async (what) => {
    const password = what === "none" ? "" : "wrong";
    const agent = start({ REDIS_PASSWORD: password });
    expect(await agent.exited).toBe(1);
    expect(agent.output()).toMatch(/the queue server redis:\/\/127\.0\.0\.1:\d+ cannot be used: (WRONGPASS|NOAUTH)/);
  });

  test("ends with exit code 1 when its right is taken away, and does not loop", async () => {
    const admin = new Redis(redis.url);
    closers.push(async () => admin.disconnect());
    await admin.call("ACL", "SETUSER", "eu", "on", ">pw", "~watchpost:{*}:*", ...agentRights.split(" "));
    const agent = start({ REDIS_USERNAME: "eu", REDIS_PASSWORD: "pw" });
    await until(agent.output, (output) => output.includes("BullMQ worker is ready"));
    await admin.call("ACL", "SETUSER", "eu", "resetkeys", "~watchpost:{results-eu-west}:*");
    expect(await agent.exited).toBe(1);
    expect(agent.output()).toContain("The agent cannot go on");
    expect(agent.output().split("\n").length).toBeLessThan(50);
  });

  test("ends with exit code 1 when the coordinator refuses its token", async () => {
    const agent = start({ WATCHPOST_AGENT_TOKEN: "wpg_another-token-altogether" });
    expect(await agent.exited).toBe(1);
    expect(agent.output()).toContain("refuses this agent: HTTP status 401");
    expect(agent.output()).not.toContain("another-token");
  });

  test("waits for a queue server that is not there yet, and says so", async () => {
    const port = await freePort();
    const agent = start({ REDIS_PORT: String(port), WATCHPOST_STARTUP_TIMEOUT: "2" });
    expect(await agent.exited).toBe(1);
    expect(agent.output()).toContain("Waiting for the queue server");
    expect(agent.output()).toContain(`the queue server redis://127.0.0.1:${port} cannot be used: connect ECONNREFUSED`);
  });

  test("tells of its readiness", async () => {
    const port = await freePort();
    start({ WATCHPOST_HEALTH_PORT: String(port) });
    const readyz = () => fetch(`http://127.0.0.1:${port}/readyz`).then((response) => response.json(), String);
    await until(readyz, (answer) => (answer as { status?: string }).status === "ready");
    expect(await readyz()).toEqual({
      status: "ready",
      checks: { queue: { ok: true }, link: { ok: true }, clock: { ok: true } },
    });
  });

  test("needs no more rights than its own, through a whole life", async () => {
    const admin = new Redis(redis.url);
    closers.push(async () => admin.disconnect());
    const keys = ["~watchpost:{checks-eu-west}:*", "~watchpost:{results-eu-west}:*"];
    await admin.call("ACL", "SETUSER", "eu", "on", ">pw", "resetchannels", ...keys, ...agentRights.split(" "));
    const target = await httpTarget((_request, response) => response.end("ok"));
    closers.push(() => target.stop());
    const checks = openChecks();
    const rounds = collectResults();
    const agent = start({ REDIS_USERNAME: "eu", REDIS_PASSWORD: "pw" });
    const url = `http://127.0.0.1:${target.port}/`;
    await checks.add("checks", { v: 1, checks: [dueNow(url, 1), dueNow(url, 2)] }, { ...jobOptions, jobId: "a-1" });
    await checks.add("checks", { v: 2 } as never, { ...jobOptions, jobId: "a-2" });
    await until(
      () => rounds.length,
      (count) => count === 2,
    );
    const later = { ...dueNow(url, 3), scheduledAt: Date.now() + 20_000 };
    await checks.add("checks", { v: 1, checks: [later] }, { ...jobOptions, jobId: "a-3" });
    await until(
      () => checks.getJobState("a-3"),
      (state) => state === "active",
    );
    expect(await agent.end("SIGTERM")).toBe(0);
    expect(await checks.getJobState("a-3")).toBe("waiting");
    expect(await admin.call("ACL", "LOG")).toEqual([]);
  });

  test("leaves within 5 s of SIGTERM although a check hangs, and gives it back", async () => {
    const hanging = await hangingTarget();
    closers.push(() => hanging.stop());
    const checks = openChecks();
    const agent = start();
    const url = `http://127.0.0.1:${hanging.port}/`;
    await checks.add("checks", { v: 1, checks: [dueNow(url, 1, 60_000)] }, { ...jobOptions, jobId: "a-1" });
    await until(
      () => hanging.connections,
      (count) => count === 1,
    );
    const asked = performance.now();
    expect(await agent.end("SIGTERM")).toBe(0);
    expect(performance.now() - asked).toBeLessThan(5_000);
    expect(await checks.getJobState("a-1")).toBe("waiting");
    expect(link.messages).toContainEqual({ type: "draining" });
  });

  test("leaves although Redis is frozen", async () => {
    const agent = start();
    await until(agent.output, (output) => output.includes("BullMQ worker is ready"));
    process.kill(redis.pid, "SIGSTOP");
    expect(await agent.end("SIGTERM")).toBe(0);
    process.kill(redis.pid, "SIGCONT");
  });

  const lastWork = () =>
    link.messages.flatMap((message) => (message.type === "heartbeat" ? [message.load.work] : [])).at(-1);

  test("stays and takes nothing while it is drained, also when it is started anew, until it is resumed", async () => {
    const target = await httpTarget((_request, response) => response.end("ok"));
    closers.push(() => target.stop());
    const url = `http://127.0.0.1:${target.port}/`;
    const checks = openChecks();
    const rounds = collectResults();
    const first = start();
    await until(lastWork, (work) => work === "taking");
    link.say({ type: "drain" });
    await until(lastWork, (work) => work === "idle");
    await checks.add("checks", { v: 1, checks: [dueNow(url, 1)] }, { ...jobOptions, jobId: "a-1" });
    link.behaviour.drained = true;
    await first.end("SIGKILL");
    link.messages.length = 0;
    const second = start();
    await until(second.output, (output) => output.includes("BullMQ worker is ready"));
    await until(lastWork, (work) => work === "idle");
    expect(await checks.getJobState("a-1")).toBe("waiting");
    expect(rounds).toEqual([]);
    link.say({ type: "resume" });
    await until(
      () => rounds,
      ([round]) => round === 1,
    );
    expect(lastWork()).toBe("taking");
    expect(await second.end("SIGTERM")).toBe(0);
  });

  test("takes nothing without a sample of the coordinator's clock, says so, and takes once there is one", async () => {
    const checks = openChecks();
    const rounds = collectResults();
    const port = await freePort();
    const healthPort = await freePort();
    const agent = start({
      WATCHPOST_COORDINATOR_URL: `http://127.0.0.1:${port}`,
      WATCHPOST_HEALTH_PORT: String(healthPort),
    });
    await until(agent.output, (output) => output.includes("The clock cannot be corrected: no checks are taken"));
    const url = `http://127.0.0.1:${link.port}/`;
    await checks.add("checks", { v: 1, checks: [dueNow(url, 1)] }, { ...jobOptions, jobId: "a-1" });
    const response = await fetch(`http://127.0.0.1:${healthPort}/readyz`);
    expect(await response.json()).toMatchObject({
      checks: { clock: { ok: false, reason: "no sample of the coordinator's clock yet" }, queue: { ok: true } },
    });
    expect(await checks.getJobState("a-1")).toBe("waiting");
    const late = await startLinkServer(agentToken, port);
    closers.push(() => late.stop());
    await until(
      () => rounds,
      ([round]) => round === 1,
    );
    expect(agent.output()).toContain("The clock can be corrected again");
  });

  test("goes by the coordinator's clock, be it hours away, and follows it when it is set", async () => {
    const target = await httpTarget((_request, response) => response.end("ok"));
    closers.push(() => target.stop());
    const checks = openChecks();
    const found: { round: number; latenessMs: number }[] = [];
    const ingest = openWorker<ResultBatch>(
      resultsQueueName(region),
      async ({ data }) => void found.push(...data.results),
      { server, logger, leastPrivilege: false, concurrency: 5, lockDurationMs: 30_000, stalledIntervalMs: 30_000 },
    );
    void ingest.run();
    closers.push(() => ingest.close());
    const dueIn = (ms: number, round: number) => {
      const scheduledAt = Date.now() + link.behaviour.clockAheadMs + ms;
      const check = {
        ...dueNow(`http://127.0.0.1:${target.port}/`, round),
        scheduledAt,
        expiresAt: scheduledAt + 5_000,
      };
      return checks.add("checks", { v: 1, checks: [check] }, { ...jobOptions, jobId: `a-${round}` });
    };
    const performed = (round: number) =>
      until(
        () => found.find((one) => one.round === round),
        (one) => one !== undefined,
      );
    link.behaviour.clockAheadMs = 3 * 3_600_000;
    start();
    await until(lastWork, (work) => work === "taking");
    await dueIn(500, 1);
    expect((await performed(1))?.latenessMs).toBeLessThan(2_000);

    link.behaviour.clockAheadMs = -3_600_000;
    const samples = () => link.messages.filter(({ type }) => type === "clock").length;
    const before = samples();
    // The next heartbeat's sample contradicts those before; then some are taken at once, until they agree.
    await until(samples, (count) => count >= before + 4);
    await until(lastWork, (work) => work === "taking");
    await dueIn(500, 2);
    const second = await performed(2);
    expect(second?.latenessMs).toBeLessThan(2_000);
    expect(second?.latenessMs).toBeGreaterThan(-1);
  });

  test("goes on with its checks while the coordinator is away, with signs of life", async () => {
    const target = await httpTarget((_request, response) => response.end("ok"));
    closers.push(() => target.stop());
    const checks = openChecks();
    const results = openQueue<ResultBatch>(resultsQueueName(region), { server, logger, leastPrivilege: false });
    closers.push(() => results.close());
    const agent = start();
    await until(lastWork, (work) => work === "taking");
    await link.stop();
    link = await startLinkServer("nobody's");
    await until(agent.output, (output) => output.includes("The link to the coordinator is down"));
    await until(
      () => results.getJobs(["wait"]),
      (jobs) => jobs.some(({ data }) => data.results.length === 0),
    );
    const url = `http://127.0.0.1:${target.port}/`;
    await checks.add("checks", { v: 1, checks: [dueNow(url, 1)] }, { ...jobOptions, jobId: "a-1" });
    await until(
      () => results.getJobs(["wait"]),
      (jobs) => jobs.some(({ data }) => data.results.length === 1),
    );
  });

  test("comes back when Redis was away", async () => {
    const target = await httpTarget((_request, response) => response.end("ok"));
    closers.push(() => target.stop());
    const checks = openChecks();
    const rounds = collectResults();
    const agent = start();
    await until(agent.output, (output) => output.includes("BullMQ worker is ready"));
    process.kill(redis.pid, "SIGSTOP");
    await until(
      () => link.messages.filter(({ type }) => type === "heartbeat").length,
      (count) => count >= 4,
    );
    process.kill(redis.pid, "SIGCONT");
    const url = `http://127.0.0.1:${target.port}/`;
    await checks.add("checks", { v: 1, checks: [dueNow(url, 1)] }, { ...jobOptions, jobId: "a-1" });
    await until(
      () => rounds,
      (all) => all.includes(1),
    );
  });

  test("comes back when Redis died and was started again", async () => {
    const target = await httpTarget((_request, response) => response.end("ok"));
    closers.push(() => target.stop());
    const dir = await tempDir();
    closers.push(dir.remove);
    const files = { dataDir: join(dir.path, "redis"), logFile: join(dir.path, "log"), port: await freePort() };
    const startMortal = async () => startRedis((await findRedis()) as string, files);
    const mortal = await startMortal();
    const { port, password } = new URL(mortal.url);
    server = { kind: "redis", options: { host: "127.0.0.1", port: Number(port), password }, prefix: "watchpost" };
    const agent = start();
    await until(agent.output, (output) => output.includes("BullMQ worker is ready"));
    process.kill(mortal.pid, "SIGKILL");
    await mortal.ended;
    const revived = await startMortal();
    closers.push(() => revived.stop());
    const checks = openChecks();
    const rounds = collectResults();
    await checks.add(
      "checks",
      { v: 1, checks: [dueNow(`http://127.0.0.1:${target.port}/`, 1)] },
      { ...jobOptions, jobId: "a-1" },
    );
    await until(
      () => rounds,
      (all) => all.includes(1),
    );
  });
});

describe("the agent on PostgreSQL", () => {
  let postgres: TestServer;
  let server: QueueServer;
  let link: LinkServer;
  let agent: ReturnType<typeof startAgentProcess>;
  beforeEach(async () => {
    postgres = await startTestPostgres();
    server = { kind: "postgres", connectionString: postgres.url, prefix: "watchpost" };
    link = await startLinkServer(agentToken);
    agent = startAgentProcess({ url: link.url, queueServer: server }, region, "agt-1");
  });
  afterEach(async () => {
    await agent.end("SIGKILL");
    await link.stop();
    await postgres.stop();
  });

  async function checkOnce(round: number): Promise<void> {
    const checks = openQueue<CheckBatch>(checksQueueName(region), { server, logger, leastPrivilege: false });
    const results = openQueue<ResultBatch>(resultsQueueName(region), { server, logger, leastPrivilege: false });
    const now = Date.now();
    const check = { ...tcpCheck("127.0.0.1", link.port), round, scheduledAt: now, expiresAt: now + 60_000 };
    await checks.add("checks", { v: 1, checks: [check] }, { ...jobOptions, jobId: `a-${round}` });
    await until(
      () => results.getJobs(["wait"]),
      (jobs) => jobs.some(({ data }) => data.results.some((result) => result.round === round)),
    );
    await Promise.all([checks.close(), results.close()]);
  }

  test("waits for the schema, in few words", async () => {
    await until(agent.output, (output) => output.includes("is not initialized"));
    expect(agent.output().split("\n").length).toBeLessThan(20);
    await checkOnce(1);
    expect(agent.output()).toContain("BullMQ worker is ready");
  });

  test("comes back when PostgreSQL was away, without a flood", async () => {
    await checkOnce(1);
    process.kill(postgres.pid, "SIGSTOP");
    const before = link.messages.length;
    await until(
      () => link.messages.slice(before).filter(({ type }) => type === "heartbeat").length,
      (count) => count >= 3,
    );
    process.kill(postgres.pid, "SIGCONT");
    await checkOnce(2);
    expect(agent.output().split("\n").length).toBeLessThan(100);
  });
});
