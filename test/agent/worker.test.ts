import { pino } from "pino";
import { describe, expect, type TestContext, test } from "vitest";
import { createOutbox } from "../../agent/outbox.ts";
import { createRunCheck } from "../../agent/run-check.ts";
import { createCheckWorker, LOCK } from "../../agent/worker.ts";
import type { Check, CheckBatch } from "../../shared/check.ts";
import { systemClock } from "../../shared/clock.ts";
import { checksQueueName, jobOptions, openQueue, openWorker, resultsQueueName } from "../../shared/queues.ts";
import type { Miss, Result, ResultBatch } from "../../shared/result.ts";
import { httpCheck, tcpCheck } from "../support/checks.ts";
import { queueKinds, testQueueServer } from "../support/shared-servers.ts";
import { testSpool } from "../support/spool.ts";
import { hangingTarget, httpTarget, refusingPort, type Target } from "../support/targets.ts";
import { until } from "../support/until.ts";
import { testProbes } from "./probes/support.ts";

const region = "eu-west";

/** A coordinator's side of the queues, and agents' workers between them. */
async function startLine(kind: (typeof queueKinds)[number]) {
  const resource = await testQueueServer(kind);
  const { server } = resource;
  const logs: { msg: string; level: number; job?: string; checks?: number; reason?: string }[] = [];
  const logger = pino({ level: "debug" }, { write: (line) => void logs.push(JSON.parse(line)) });
  const checks = openQueue<CheckBatch>(checksQueueName(region), { server, logger, leastPrivilege: false });
  await checks.waitUntilReady();
  const lateness: number[] = [];
  const results: Result[] = [];
  const misses: Miss[] = [];
  const ingest = openWorker<ResultBatch>(
    resultsQueueName(region),
    async ({ data }) => {
      results.push(...data.results);
      misses.push(...data.misses);
    },
    { server, logger, leastPrivilege: false, concurrency: 5, lockDurationMs: 30_000, stalledIntervalMs: 30_000 },
  );
  void ingest.run();

  const clock = systemClock();
  const running = new Set<() => Promise<void>>();
  async function startWorker(
    options: { concurrency?: number; refusesResults?: () => boolean; isClockRight?: () => boolean } = {},
  ) {
    const { spool, remove } = await testSpool();
    const outbox = createOutbox({
      spool,
      sender: { agentId: "agt-1", enrolledAs: null, region },
      server,
      openQueue: () => openQueue(resultsQueueName(region), { server, logger, leastPrivilege: true }),
      startupTimeoutMs: 5_000,
      onFatal: () => undefined,
      logger,
    });
    const worker = createCheckWorker({
      open: (processor, more) =>
        openWorker(checksQueueName(region), processor, { server, logger, leastPrivilege: true, ...LOCK, ...more }),
      clock,
      runCheck: createRunCheck({ probes: testProbes(), clock }),
      isClockRight: options.isClockRight ?? (() => true),
      onLateness: (ms) => void lateness.push(ms),
      outbox: {
        ...outbox,
        putResult: async (result) => {
          if (options.refusesResults?.()) throw new Error("the outbox is full");
          await outbox.putResult(result);
        },
      },
      concurrency: options.concurrency ?? 100,
      onFatal: () => undefined,
      logger,
    });
    await outbox.start();
    worker.take();
    await worker.start();
    const stop = async () => {
      if (!running.delete(stop)) return;
      await worker.stop();
      await outbox.stop();
      await remove();
    };
    running.add(stop);
    return { worker, stop };
  }

  let jobs = 0;
  return {
    checks,
    clock,
    logs,
    lateness,
    results,
    misses,
    startWorker,
    push: (batch: readonly Check[] | object) =>
      checks.add("checks", (Array.isArray(batch) ? { v: 1, checks: batch } : batch) as CheckBatch, {
        ...jobOptions,
        jobId: `test-${jobs++}`,
      }),
    /** A result of each of these rounds, when they are all there. */
    resultsOf: (rounds: readonly number[]) =>
      until(
        () => results.filter(({ round }) => rounds.includes(round)),
        ({ length }) => length >= rounds.length,
      ),
    async stop() {
      for (const stop of running) await stop();
      await Promise.all([checks.close(), ingest.close()]);
      await resource.stop();
    },
  };
}

describe.concurrent.each(queueKinds)("an agent's worker on %s", (kind) => {
  /** A line of the test's own, and what it needs beside it. */
  async function begin({ onTestFinished }: TestContext) {
    const line = await startLine(kind);
    const targets: Target[] = [];
    onTestFinished(async () => {
      await line.stop();
      await Promise.all(targets.map((target) => target.stop()));
    });
    async function running(start: Promise<Target>): Promise<Target> {
      const target = await start;
      targets.push(target);
      return target;
    }
    return {
      line,
      running,
      upTarget: () => running(httpTarget((_request, response) => response.end("ok"))),
      /** A check due in so many ms. */
      due<C extends Check>(check: C, round: number, inMs = 0, expiresInMs = 30_000): C {
        const scheduledAt = line.clock.now() + inMs;
        return { ...check, round, scheduledAt, expiresAt: scheduledAt + expiresInMs };
      },
    };
  }

  test("performs each check of a batch at its instant, and completes the job", async (context) => {
    const { line, upTarget, due } = await begin(context);
    const up = await upTarget();
    await line.startWorker();
    const url = `http://127.0.0.1:${up.port}/`;
    const batch = [
      due(httpCheck(url), 1, 400),
      due(tcpCheck("127.0.0.1", await refusingPort()), 2),
      due(tcpCheck("127.0.0.1", up.port), 3, 800.5),
    ];
    const job = await line.push(batch);
    const results = await line.resultsOf([1, 2, 3]);
    const found = Object.fromEntries(results.map((result) => [result.round, result]));
    expect(found[1]).toMatchObject({ status: "up", statusCode: 200, scheduledAt: batch[0]?.scheduledAt });
    expect(found[2]).toMatchObject({ status: "down", error: { code: "connect_refused" } });
    expect(found[3]).toMatchObject({ status: "up" });
    for (const { startedAt, scheduledAt, latenessMs } of results) {
      expect(startedAt).toBeGreaterThanOrEqual(scheduledAt - 0.001);
      expect(latenessMs).toBeCloseTo(startedAt - scheduledAt, 2);
    }
    await until(
      () => line.checks.getJobState(job.id as string),
      (state) => state === "completed",
    );
    expect(line.logs.map(({ msg }) => msg)).toEqual(
      expect.arrayContaining(["BullMQ worker is ready", "Processing monitor check job"]),
    );
  });

  test("reports what has expired as missed and does not run it", async (context) => {
    const { line, upTarget, due } = await begin(context);
    const up = await upTarget();
    await line.startWorker();
    await line.push([due(tcpCheck("127.0.0.1", up.port), 1, -10_000, 5_000), due(tcpCheck("127.0.0.1", up.port), 2)]);
    await line.resultsOf([2]);
    expect(line.misses).toMatchObject([{ monitorId: "mon_1", round: 1, attempt: 0, reason: "expired" }]);
    expect(line.results).toHaveLength(1);
    expect(up.connections).toBe(1);
  });

  test("is not held up by a slow target, in the same batch or before it", async (context) => {
    const { line, running, upTarget, due } = await begin(context);
    const up = await upTarget();
    const hanging = await running(hangingTarget());
    await line.startWorker();
    const slow = () => httpCheck(`http://127.0.0.1:${hanging.port}/`, { timeoutMs: 3_000 });
    const fast = () => httpCheck(`http://127.0.0.1:${up.port}/`);
    await line.push([due(slow(), 100), due(fast(), 1), due(slow(), 101)]);
    for (let round = 2; round <= 20; round++) await line.push([due(fast(), round)]);
    await line.resultsOf(Array.from({ length: 20 }, (_, index) => index + 1));
    expect(line.results.some(({ round }) => round >= 100)).toBe(false);
    expect(await line.resultsOf([100, 101])).toMatchObject([{ error: { code: "http_timeout" } }, { error: {} }]);
  });

  test("fails a malformed job for good, and the rest flows on", async (context) => {
    const { line, upTarget, due } = await begin(context);
    const up = await upTarget();
    await line.startWorker();
    const bad = await line.push({ v: 1, checks: [{ monitorId: 7 }] });
    await line.push([due(tcpCheck("127.0.0.1", up.port), 1)]);
    await line.resultsOf([1]);
    await until(
      () => line.checks.getJobState(bad.id as string),
      (state) => state === "failed",
    );
    const failed = await line.checks.getJob(bad.id as string);
    expect(failed?.failedReason).toBe("not a batch of checks: checks.0.monitorId must be an id");
    expect(failed?.attemptsMade).toBe(1);
  });

  test("keeps to its concurrency, and says when it is saturated", async (context) => {
    const { line, running, due } = await begin(context);
    let inside = 0;
    let most = 0;
    const target = await running(
      httpTarget((_request, response) => {
        most = Math.max(most, ++inside);
        setTimeout(() => {
          inside--;
          response.end();
        }, 20);
      }),
    );
    const { worker } = await line.startWorker({ concurrency: 3 });
    await line.push(
      Array.from({ length: 30 }, (_, round) => due(httpCheck(`http://127.0.0.1:${target.port}/`), round)),
    );
    await until(
      () => worker.saturated,
      (saturated) => saturated,
      { everyMs: 5 },
    );
    await line.resultsOf(Array.from({ length: 30 }, (_, round) => round));
    expect(most).toBe(3);
    expect([worker.saturated, worker.inFlight]).toEqual([false, 0]);
  });

  test("leaves the rest to other agents while more is due than it can do", async (context) => {
    const { line, running, due } = await begin(context);
    const hanging = await running(hangingTarget());
    const { worker: small } = await line.startWorker({ concurrency: 2 });
    const batch = (from: number) =>
      [0, 1, 2, 3, 4].map((n) => due(httpCheck(`http://127.0.0.1:${hanging.port}/`, { timeoutMs: 4_000 }), from + n));
    await line.push(batch(0));
    await until(
      () => small.saturated,
      (saturated) => saturated,
      { everyMs: 5 },
    );
    for (const from of [10, 20, 30]) await line.push(batch(from));
    const { worker: large } = await line.startWorker({ concurrency: 100 });
    await until(
      () => [small.inFlight, large.inFlight],
      ([few, many]) => few === 2 && many === 15,
      { withinMs: 3_000 },
    );
  });

  test("tells how late each check began, also of those that had expired", async (context) => {
    const { line, upTarget, due } = await begin(context);
    const up = await upTarget();
    await line.startWorker();
    await line.push([
      due(tcpCheck("127.0.0.1", up.port), 1, -10_000, 5_000),
      due(tcpCheck("127.0.0.1", up.port), 2, 400),
    ]);
    await line.resultsOf([2]);
    const [old, fresh] = line.lateness as [number, number];
    expect(old).toBeGreaterThanOrEqual(10_000);
    expect(fresh).toBeGreaterThanOrEqual(0);
    expect(fresh).toBeLessThan(5_000);
  });

  test("takes no more while it is paused, sees through what it has, and goes on after that", async (context) => {
    const { line, upTarget, due } = await begin(context);
    const up = await upTarget();
    const { worker } = await line.startWorker();
    await line.push([due(tcpCheck("127.0.0.1", up.port), 1, 1_500)]);
    await until(
      () => line.logs.some(({ msg }) => msg === "Processing monitor check job"),
      (isTaken) => isTaken,
    );
    worker.pause({ giveBack: false });
    expect(worker.work).toBe("finishing");
    await line.resultsOf([1]);
    await until(
      () => worker.work,
      (work) => work === "idle",
    );
    const job = await line.push([due(tcpCheck("127.0.0.1", up.port), 2)]);
    const { worker: other, stop } = await line.startWorker();
    await line.resultsOf([2]);
    await stop();
    await line.push([due(tcpCheck("127.0.0.1", up.port), 3)]);
    expect([worker.work, other.work]).toEqual(["idle", "idle"]);
    worker.take();
    expect(worker.lastFetchAgoMs).toBeLessThan(1_000);
    await line.resultsOf([3]);
    expect(line.results.map(({ round }) => round)).toEqual([1, 2, 3]);
    expect(await line.checks.getJobState(job.id as string)).toBe("completed");
  });

  test("gives back at once what it has not begun when its clock is not right any more, and what it still fetches", async (context) => {
    const { line, running, upTarget, due } = await begin(context);
    const up = await upTarget();
    const holding = await running(httpTarget((_request, response) => setTimeout(() => response.end(), 500)));
    let isRight = true;
    const { worker } = await line.startWorker({ isClockRight: () => isRight });
    await line.push([
      due(httpCheck(`http://127.0.0.1:${holding.port}/`), 1),
      due(tcpCheck("127.0.0.1", up.port), 2, 20_000),
    ]);
    await until(
      () => worker.inFlight,
      (count) => count === 1,
      { everyMs: 5 },
    );
    isRight = false;
    worker.pause({ giveBack: true });
    await line.resultsOf([1]);
    await until(
      async () => (await line.checks.getJobs(["wait"])).map(({ data }) => data.checks.map(({ round }) => round)),
      (waiting) => JSON.stringify(waiting) === "[[2]]",
    );
    worker.take();
    await until(
      () => line.checks.getJobs(["wait"]),
      ([job]) => (job?.attemptsStarted ?? 0) > 2,
      { withinMs: 8_000 },
    );
    worker.pause({ giveBack: true });
    isRight = true;
    worker.take();
    await until(
      () => line.checks.getJobs(["active"]),
      (jobs) => jobs.length === 1,
    );
    expect(line.misses).toEqual([]);
  });

  test("begins no check when its clock is found wrong only then", async (context) => {
    const { line, upTarget, due } = await begin(context);
    const up = await upTarget();
    let isRight = true;
    const { worker } = await line.startWorker({
      isClockRight() {
        if (!isRight) worker.pause({ giveBack: true });
        return isRight;
      },
    });
    await line.push([due(tcpCheck("127.0.0.1", up.port), 1, 1_000)]);
    await until(
      () => line.logs.some(({ msg }) => msg === "Processing monitor check job"),
      (isTaken) => isTaken,
    );
    isRight = false;
    await until(
      () => line.checks.getJobs(["wait"]),
      ({ length }) => length === 1,
    );
    expect([up.connections, line.results, line.misses]).toEqual([0, [], []]);
    isRight = true;
    worker.take();
    await line.resultsOf([1]);
  });

  test("tells of its fetches, also when there is nothing to fetch", async (context) => {
    const { line } = await begin(context);
    const { worker } = await line.startWorker();
    await until(
      () => worker.lastFetchAgoMs,
      (ago) => ago !== null,
    );
  });

  test("gives back what it has not begun when it stops, and another agent does it", async (context) => {
    const { line, upTarget, due } = await begin(context);
    const up = await upTarget();
    const first = await line.startWorker();
    const job = await line.push([
      due(tcpCheck("127.0.0.1", up.port), 1),
      due(tcpCheck("127.0.0.1", up.port), 2, 3_000),
    ]);
    await line.resultsOf([1]);
    await first.stop();
    expect(await line.checks.getJobState(job.id as string)).toBe("waiting");
    expect((await line.checks.getJob(job.id as string))?.data.checks.map(({ round }) => round)).toEqual([2]);
    await line.startWorker();
    await line.resultsOf([2]);
    expect(line.results.map(({ round }) => round).sort()).toEqual([1, 2]);
  });

  test("finishes what is running when it stops, and gives back what takes too long", async (context) => {
    const { line, running, due } = await begin(context);
    const hanging = await running(hangingTarget());
    const slow = await running(httpTarget((_request, response) => setTimeout(() => response.end(), 700)));
    const first = await line.startWorker();
    await line.push([
      due(httpCheck(`http://127.0.0.1:${slow.port}/`), 1),
      due(httpCheck(`http://127.0.0.1:${hanging.port}/`, { timeoutMs: 60_000 }), 2),
    ]);
    await until(
      () => first.worker.inFlight,
      (count) => count === 2,
      { everyMs: 5 },
    );
    await first.stop();
    expect(line.results.map(({ round, status }) => [round, status])).toEqual([[1, "up"]]);
    const [left] = await line.checks.getJobs(["wait"]);
    expect(left?.data.checks.map(({ round }) => round)).toEqual([2]);
  });

  test("does not complete a job whose results were not accepted: it is tried again", async (context) => {
    const { line, upTarget, due } = await begin(context);
    const up = await upTarget();
    let refusals = 0;
    await line.startWorker({ refusesResults: () => refusals++ === 0 });
    const job = await line.push([due(tcpCheck("127.0.0.1", up.port), 1)]);
    await line.resultsOf([1]);
    await until(
      () => line.checks.getJobState(job.id as string),
      (state) => state === "completed",
    );
    expect(refusals).toBe(2);
    expect((await line.checks.getJob(job.id as string))?.attemptsMade).toBe(2);
  });
});
