import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { createLogger } from "../../shared/logger.ts";
import { openQueue, resultsQueueName } from "../../shared/queues.ts";
import type { Result, ResultBatch } from "../../shared/result.ts";
import { until } from "../support/until.ts";
import { LONG_HEADER } from "./deployment.ts";
import { residentMb, watchMemory } from "./memory-watch.ts";
import { runThrough } from "./run-through.ts";

/** How long an outage lasts, in s, how many checks a second it has, and how many MB of results come in it: see CONTRIBUTING.md. */
const SECONDS = Number(process.env.FAULT_SECONDS ?? 5);
const RATE = Number(process.env.FAULT_RATE ?? 20);
const FLOOD_MB = Number(process.env.FAULT_MB ?? 60);

/** The bounds that docs/performance.md works out, in MB above what the process has when all is well. */
const COORDINATOR_MB = 400;
const AGENT_MB = 100;
const SPOOL_MB = 10;

/** The largest result that is taken in, of a check that nobody scheduled. */
const largest = (monitorId: string, attempt: number, now: number): Result => ({
  monitorId,
  round: 1,
  attempt,
  scheduledAt: now,
  startedAt: now,
  latenessMs: 0,
  status: "up",
  latencyMs: 1,
  phases: {},
  statusCode: 200,
  address: "127.0.0.1",
  bodyBytes: 0,
  error: { code: "assertion_failed", message: "e".repeat(1_000) },
  failedAssertions: Array.from({ length: 50 }, () => "a".repeat(500)),
});

describe("memory through an outage", { timeout: 240_000 + SECONDS * 2_000 }, () => {
  test("ClickHouse is away: the largest results flow, and the coordinator's memory stays bounded", async (context) => {
    const counts = await runThrough(context, { ownStores: true, monitors: 1 }, async (deployment) => {
      const { clickhouse, coordinators, call, queueServer, spoolEmptied, inClickHouse } = deployment;
      const pid = coordinators[0]?.pid as number;
      const { data } = await call("GET", "/v1/monitors");
      const logger = createLogger({ level: "silent", name: "flood" });
      const access = { server: queueServer, logger, leastPrivilege: true };
      const results = openQueue<ResultBatch>(resultsQueueName("eu-west"), access);
      context.onTestFinished(() => results.close());
      const before = residentMb(pid);
      const memory = watchMemory({ coordinator: pid }, 100);
      context.onTestFinished(memory.stop);
      await clickhouse.kill();
      const jobMb = JSON.stringify(largest("", 0, 0)).length * 50 * 1e-6;
      const jobs = Math.ceil(FLOOD_MB / jobMb);
      for (let job = 0; job < jobs; job++) {
        const now = Date.now() - 10_000;
        const batch = Array.from({ length: 50 }, (_, n) => largest(data[0].id, 1_000 + job * 50 + n, now));
        await results.add("results", { v: 1, agentId: "agt-flood", results: batch, misses: [] }, { attempts: 3 });
      }
      await until(
        () => results.getJobCounts("wait", "active"),
        ({ wait = 0, active = 0 }) => wait + active < 3,
        { withinMs: 60_000 + FLOOD_MB * 200, everyMs: 200 },
      );
      const { coordinator = 0 } = memory.highest();
      await clickhouse.restart();
      await spoolEmptied(60_000 + FLOOD_MB * 200);
      memory.stop();
      const [row] = await inClickHouse<{ stored: string }>(
        "SELECT uniqExact(attempt) AS stored FROM results WHERE attempt >= 1000 AND round = 1",
      );
      console.log(
        `${jobs} jobs, ${Math.round(jobs * jobMb)} MB: ${before.toFixed(0)} MB before, at most ${coordinator.toFixed(0)} MB ` +
          `in the outage, ${memory.highest().coordinator?.toFixed(0)} MB to the end\n${memory.curves()}`,
      );
      expect(Number(row?.stored)).toBe(jobs * 50);
      expect(memory.highest().coordinator).toBeLessThan(before + COORDINATOR_MB);
    });
    expect(counts.stored).toBe(counts.scheduled);
  });

  for (const how of ["killed", "frozen"] as const) {
    test(`Redis is ${how}: the largest results go to the spool, and the agent stays within its bounds`, async (context) => {
      const assertion = { source: "header", name: LONG_HEADER, op: "eq", value: '"'.repeat(201) };
      const options = {
        monitors: RATE,
        document: { assertions: Array.from({ length: 50 }, () => assertion) },
        agentEnv: { WATCHPOST_AGENT_SPOOL_MAX_MB: String(SPOOL_MB) },
      };
      await runThrough(context, options, async ({ redis, agents, coordinators, spoolDir }) => {
        const pids = { agent: agents[0]?.pid as number, coordinator: coordinators[0]?.pid as number };
        const before = { agent: residentMb(pids.agent), coordinator: residentMb(pids.coordinator) };
        const memory = watchMemory(pids);
        context.onTestFinished(memory.stop);
        if (how === "killed") await redis.kill();
        else redis.freeze();
        let spoolMb = 0;
        for (const end = Date.now() + SECONDS * 1_000; Date.now() < end; await sleep(500)) {
          spoolMb = Math.max(spoolMb, await megabytesIn(spoolDir(0)));
        }
        if (how === "killed") await redis.start();
        else redis.thaw();
        await until(
          () => megabytesIn(spoolDir(0)),
          (left) => left === 0,
          { withinMs: 60_000 },
        );
        memory.stop();
        console.log(`Redis ${how}: at most ${spoolMb.toFixed(1)} MB in the spool\n${memory.curves()}`);
        expect(spoolMb).toBeGreaterThan(0);
        expect(spoolMb).toBeLessThanOrEqual(SPOOL_MB);
        const highest = memory.highest();
        expect(highest.agent).toBeLessThan(before.agent + AGENT_MB);
        expect(highest.coordinator).toBeLessThan(before.coordinator + AGENT_MB);
      });
    });
  }
});

/** What the finished files in a directory come to. */
async function megabytesIn(dir: string): Promise<number> {
  const names = (await readdir(dir)).filter((name) => name.endsWith(".jsonl"));
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(dir, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0) / 2 ** 20;
}
