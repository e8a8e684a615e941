import { readdir, rm } from "node:fs/promises";
import type { Job } from "bullmq";
import { Redis } from "ioredis";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Sender } from "../../agent/inherited.ts";
import { createOutbox, type Outbox } from "../../agent/outbox.ts";
import { agentRules } from "../../coordinator/agents/redis-acl.ts";
import { hashSecret } from "../../shared/agent-secret.ts";
import type { QueueServer } from "../../shared/queues.ts";
import { openQueue, openWorker, resultsQueueName } from "../../shared/queues.ts";
import type { Miss, Result, ResultBatch } from "../../shared/result.ts";
import { freePort, startTestRedis } from "../support/servers.ts";
import { queueKinds, testQueueServer } from "../support/shared-servers.ts";
import { testSpool } from "../support/spool.ts";
import { until } from "../support/until.ts";

const logger = pino({ level: "silent" });
const region = "eu-west";
const sender: Sender = { agentId: "agt-1", enrolledAs: null, region };

function result(round: number): Result {
  return {
    monitorId: "mon_1",
    round,
    attempt: 0,
    scheduledAt: 1_000,
    startedAt: 1_001,
    latenessMs: 1,
    status: "up",
    latencyMs: 2,
    phases: { connectMs: 2 },
    statusCode: null,
    address: "127.0.0.1",
    bodyBytes: null,
    error: null,
    failedAssertions: [],
  };
}

const miss: Miss = { monitorId: "mon_1", round: 9, attempt: 0, scheduledAt: 1_000, reason: "expired" };

describe.each(queueKinds)("the outbox on %s", (kind) => {
  let resource: Awaited<ReturnType<typeof testQueueServer>>;
  let outbox: Outbox;
  let inspect: ReturnType<typeof openQueue<ResultBatch>>;
  let disk: Awaited<ReturnType<typeof testSpool>>;

  beforeEach(async () => {
    resource = await testQueueServer(kind);
    const access = { server: resource.server, logger };
    inspect = openQueue<ResultBatch>(resultsQueueName(region), { ...access, leastPrivilege: false });
    await inspect.waitUntilReady();
    disk = await testSpool();
    outbox = await startOutbox();
  });

  async function startOutbox(): Promise<Outbox> {
    const started = createOutbox({
      spool: disk.spool,
      sender,
      server: resource.server,
      openQueue: () => openQueue(resultsQueueName(region), { server: resource.server, logger, leastPrivilege: true }),
      startupTimeoutMs: 5_000,
      onFatal: (thrown) => {
        throw thrown;
      },
      logger,
    });
    await started.start();
    return started;
  }
  afterEach(async () => {
    await outbox.stop();
    await inspect.close();
    await resource.stop();
    await disk.remove();
  });

  const jobs = async (): Promise<Job<ResultBatch>[]> => inspect.getJobs(["wait"], 0, -1, true);

  test("sends what comes together as one batch, and resolves when it is accepted", async () => {
    await Promise.all([outbox.putResult(result(1)), outbox.putMiss(miss), outbox.putResult(result(2))]);
    const [job, ...others] = await jobs();
    expect(others).toEqual([]);
    expect(job?.data).toEqual({ v: 1, agentId: "agt-1", results: [result(1), result(2)], misses: [miss] });
    expect(job?.id).toMatch(/^agt-1\.job_[a-z0-9]{20}$/);
    expect(job?.opts.attempts).toBe(3);
    expect(outbox.size).toBe(0);
  });

  test("fills no batch with more than 250, and keeps them all", async () => {
    await Promise.all(Array.from({ length: 1_020 }, (_, round) => outbox.putResult(result(round))));
    const batches = (await jobs()).map(({ data }) => data.results);
    expect(Math.max(...batches.map(({ length }) => length))).toBe(250);
    const rounds = batches.flat().map(({ round }) => round);
    expect(rounds.sort((a, b) => a - b)).toEqual(Array.from({ length: 1_020 }, (_, round) => round));
  });

  test("fills no batch beyond about a million characters", async () => {
    const texts = Array.from({ length: 50 }, () => "a".repeat(500));
    const long = (round: number): Result => ({ ...result(round), failedAssertions: texts });
    await Promise.all(Array.from({ length: 120 }, (_, round) => outbox.putResult(long(round))));
    const sizes = (await jobs()).map(({ data }) => data.results.length);
    expect(sizes.reduce((sum, size) => sum + size)).toBe(120);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(41);
  });

  test("holds back what is no news, and sends what is at once", async () => {
    const other = await startOutbox();
    await outbox.putResult(result(1));
    const order: string[] = [];
    const asBefore = outbox.putResult(result(2)).then(() => order.push("as before"));
    await other.putResult(result(3)).then(() => order.push("news"));
    await asBefore;
    expect(order).toEqual(["news", "as before"]);
    await other.stop();
  });

  test("sends a sign of life that is empty", async () => {
    outbox.signOfLife();
    const [job] = await until(jobs, ({ length }) => length > 0);
    expect(job?.data).toEqual({ v: 1, agentId: "agt-1", results: [], misses: [] });
  });

  test("sends what it holds before it stops, and takes nothing after", async () => {
    const put = outbox.putResult(result(1));
    await outbox.stop();
    await put;
    expect(await jobs()).toHaveLength(1);
    await expect(outbox.putResult(result(2))).rejects.toThrow("the outbox is closed");
  });
});

describe("the outbox and a Redis in trouble", () => {
  async function startLine() {
    const redis = await startTestRedis();
    const { port, password } = new URL(redis.url);
    const server = {
      kind: "redis",
      options: { host: "127.0.0.1", port: Number(port), password },
      prefix: "watchpost",
    } as const;
    const { dir, remove } = await testSpool();
    const seen: number[] = [];
    const answeredAs: string[] = [];
    const logs: string[] = [];
    const worker = openWorker<ResultBatch>(
      resultsQueueName(region),
      async (job) => {
        seen.push(...job.data.results.map(({ round }) => round));
        answeredAs.push(job.data.agentId);
      },
      { server, logger, leastPrivilege: false, concurrency: 1, lockDurationMs: 30_000, stalledIntervalMs: 30_000 },
    );
    void worker.run();
    const stops: Array<() => Promise<void>> = [];
    return {
      redis,
      server,
      dir,
      seen,
      answeredAs,
      logs,
      /** An outbox on the line's spool. */
      async startOutbox(as = sender, by: QueueServer = server): Promise<Outbox> {
        const outbox = createOutbox({
          sender: as,
          spool: (await testSpool({ dir })).spool,
          server: by,
          openQueue: () => openQueue(resultsQueueName(region), { server: by, logger, leastPrivilege: true }),
          startupTimeoutMs: 5_000,
          isFatal: () => false,
          onFatal: () => undefined,
          logger: pino({ level: "info" }, { write: (line) => void logs.push(line) }),
        });
        await outbox.start();
        const { stop: stopOutbox } = outbox;
        let stopped: Promise<void> | undefined;
        const stop = () => {
          stopped ??= stopOutbox();
          return stopped;
        };
        stops.push(stop);
        return Object.assign(outbox, { stop });
      },
      freeze: () => process.kill(redis.pid, "SIGSTOP"),
      thaw: () => process.kill(redis.pid, "SIGCONT"),
      async stop() {
        await Promise.all(stops.map((stop) => stop()));
        await worker.close();
        await redis.stop();
        await remove();
      },
    };
  }
  const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1);

  let line: Awaited<ReturnType<typeof startLine>>;
  beforeEach(async () => {
    line = await startLine();
  });
  afterEach(() => line.stop());

  const arrived = (count: number) =>
    until(
      () => line.seen.length,
      (seen) => seen >= count,
    );

  test("spools at once what is too long to wait for a frozen Redis, and refuses none of it", async () => {
    const outbox = await line.startOutbox();
    line.freeze();
    const texts = Array.from({ length: 50 }, () => "a".repeat(500));
    const put = upTo(300).map((round) => outbox.putResult({ ...result(round), failedAssertions: texts }));
    expect(line.logs.join()).toContain("Results go to the spool");
    await Promise.all(put);
    expect(outbox.size).toBe(0);
    line.thaw();
    await arrived(300);
    expect(line.seen.toSorted((a, b) => a - b)).toEqual(upTo(300));
  });

  test("spools results while Redis is frozen, and delivers each once, in order, when it is back", async () => {
    const outbox = await line.startOutbox();
    await outbox.putResult(result(1));
    line.freeze();
    // The first attempts time out; each may have landed in the frozen server's socket all the same.
    await Promise.all(
      upTo(121)
        .slice(1)
        .map((round) => outbox.putResult(result(round))),
    );
    expect(line.logs.join()).toContain("Results go to the spool");
    await outbox.putResult(result(122));
    expect([outbox.size, outbox.spooled]).toEqual([0, 121]);
    line.thaw();
    await arrived(122);
    await until(
      () => outbox.spooled,
      (spooled) => spooled === 0,
    );
    await outbox.putResult(result(123));
    await arrived(123);
    expect(line.seen).toEqual(upTo(123));
    expect(await readdir(line.dir)).toEqual([]);
  });

  test("spools at a stop what Redis does not take, and the next one delivers it", async () => {
    const outbox = await line.startOutbox();
    line.freeze();
    const put = outbox.putResult(result(1));
    await outbox.stop();
    await put;
    line.thaw();
    expect(await readdir(line.dir)).toHaveLength(1);
    const next = await line.startOutbox();
    await next.putResult(result(2));
    await arrived(2);
    expect(line.seen).toEqual([1, 2]);
    expect(await readdir(line.dir)).toEqual([]);
  });

  test("an agent that was enrolled anew is not held up by what it spooled before, and answers for what is of its region", async () => {
    const [before, now] = [`agt_${"0".repeat(20)}`, `agt_${"1".repeat(20)}`];
    const { spool } = await testSpool({ dir: line.dir });
    const batchOf = (agentId: string, round: number) => ({
      v: 1 as const,
      agentId,
      results: [result(round)],
      misses: [],
    });
    await spool.append({ id: `${before}.job_1`, region, batch: batchOf(before, 1) });
    await spool.append({ id: `${now}-2.job_2`, region, batch: batchOf(`${now}-2`, 2) });
    await spool.append({ id: `${before}-1.job_3`, region: "us-east", batch: batchOf(`${before}-1`, 3) });
    await spool.append({ id: `${before}-1.job_4`, region, batch: batchOf(`${before}-1`, 4) });
    const { prefix, options } = line.server;
    const admin = new Redis({ ...options });
    const rules = agentRules({ prefix, region, agentId: now, passwordHashes: [hashSecret("pw")] }, "selectors");
    await admin.call("ACL", "SETUSER", "now", ...rules);
    const own = { ...line.server, options: { ...options, username: "now", password: "pw" } };
    const outbox = await line.startOutbox({ agentId: `${now}-1`, enrolledAs: now, region }, own);
    await outbox.putResult(result(5));
    await arrived(4);
    expect(line.seen).toEqual([1, 2, 4, 5]);
    expect(line.answeredAs).toEqual([`${now}-1`, `${now}-2`, `${now}-1`, `${now}-1`]);
    expect(line.logs.join()).toMatch(/"results":1,"msg":"Spooled results of another region are dropped"/);
    expect(line.logs.join()).toContain("Sent what was spooled as another agent");
    expect(await admin.call("ACL", "LOG")).toEqual([]);
    admin.disconnect();
    expect(await readdir(line.dir)).toEqual([]);
  });

  test("holds results in memory when the disk does not take them either", async () => {
    const outbox = await line.startOutbox();
    await rm(line.dir, { recursive: true });
    line.freeze();
    const put = outbox.putResult(result(1));
    await until(
      () => line.logs.join(),
      (logs) => logs.includes("the spool does not take them either"),
      { withinMs: 15_000 },
    );
    expect([outbox.size, outbox.spooled]).toEqual([1, 0]);
    line.thaw();
    await put;
    await arrived(1);
  });

  test("says where it looked when there is none at the start", async () => {
    const server = { kind: "redis", options: { host: "127.0.0.1", port: await freePort() }, prefix: "w" } as const;
    const outbox = createOutbox({
      sender,
      spool: (await testSpool({ dir: line.dir })).spool,
      server,
      openQueue: () => openQueue(resultsQueueName(region), { server, logger, leastPrivilege: true }),
      startupTimeoutMs: 1_000,
      onFatal: () => undefined,
      logger,
    });
    await expect(outbox.start()).rejects.toThrow(
      `the queue server redis://127.0.0.1:${server.options.port} cannot be used: connect ECONNREFUSED`,
    );
  });
});
