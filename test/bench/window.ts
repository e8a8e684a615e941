import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "@clickhouse/client";
import { until } from "../support/until.ts";
import { readCpuTimes } from "./process-cpu.ts";
import { openQueueMeter } from "./queue-operations.ts";
import { spreadOf } from "./statistics.ts";
import type { Stores } from "./stores.ts";

/** How long after a window its last results may take to be stored, in ms: a check of a 1 s interval expires after 1 s. */
const SETTLE_MS = 2_300;
const LOOK_EVERY_MS = 300;

/** What one design did in a span of time. CPU is per stored check, of the processes and their children. */
export interface WindowFigures {
  readonly checksPerSecond: number;
  /** Distinct checks of the window that are stored ÷ checks that were scheduled in it. */
  readonly coverage: number;
  readonly latenessP50Ms: number;
  readonly latenessP99Ms: number;
  readonly latenessMaxMs: number;
  /** Node, Redis, PostgreSQL and ClickHouse together. */
  readonly cpuUsPerCheck: number;
  /** The same without ClickHouse, whose embedded engine makes single inserts dearer than a server would. */
  readonly cpuUsPerCheckBesideClickHouse: number;
  readonly cpuUsPerCheckNode: number;
  readonly cpuUsPerCheckRedis: number;
  readonly cpuUsPerCheckPostgres: number;
  readonly cpuUsPerCheckClickHouse: number;
  readonly redisSentPerCheck: number;
  readonly redisExecutedPerCheck: number;
  /** Cores that were busy with neither this nor its target: other people's work, the kernel's and this measuring's. */
  readonly otherCores: number;
}

/** What a window is taken of. */
export interface Subject {
  readonly stores: Stores;
  readonly targetPid: number;
  /** The design's own programs, by name. */
  readonly programs: Readonly<Record<string, number>>;
  /** Where its results are: a table or subquery with the columns check_key, scheduled_ms, stored_ms and lateness_ms. */
  readonly resultsSql: string;
  readonly scheduledPerSecond: number;
}

/**
 * Looks on for so many whole seconds.
 * @returns the figures, and the CPU of each of the programs in µs per stored check
 */
export async function watchFor(
  seconds: number,
  subject: Subject,
): Promise<{ figures: WindowFigures; programs: Record<string, number> }> {
  const { stores, programs } = subject;
  const meter = await openQueueMeter(stores.redis.url);
  try {
    const before = await sample();
    await sleep(seconds * 1_000);
    const after = await sample();
    const scheduled = subject.scheduledPerSecond * seconds;
    const { stored, distinct, lateness } = await until(
      () => readResults(before.at, after.at, seconds * 1_000, subject),
      (results) => results.distinct >= scheduled || Date.now() > after.at + SETTLE_MS,
      { everyMs: LOOK_EVERY_MS },
    );

    const cpuMs = (pid: number) => after.cpu.ofTree(pid) - before.cpu.ofTree(pid);
    const usPerCheck = (pid: number) => (cpuMs(pid) * 1_000) / stored;
    const perProgram = Object.fromEntries(Object.entries(programs).map(([name, pid]) => [name, usPerCheck(pid)]));
    const node = Object.values(perProgram).reduce((sum, us) => sum + us, 0);
    const redis = usPerCheck(stores.redis.pid);
    const postgres = usPerCheck(stores.postgres.pid);
    const clickhouse = usPerCheck(stores.clickhouse.pid);
    const total = node + redis + postgres + clickhouse;
    const tookMs = after.at - before.at;
    const otherMs = after.cpu.machineMs - before.cpu.machineMs - (total * stored) / 1_000 - cpuMs(subject.targetPid);
    const { p50, p99, max } = spreadOf(lateness);
    return {
      programs: perProgram,
      figures: {
        checksPerSecond: (stored / tookMs) * 1_000,
        coverage: distinct / scheduled,
        latenessP50Ms: p50,
        latenessP99Ms: p99,
        latenessMaxMs: max,
        cpuUsPerCheck: total,
        cpuUsPerCheckBesideClickHouse: total - clickhouse,
        cpuUsPerCheckNode: node,
        cpuUsPerCheckRedis: redis,
        cpuUsPerCheckPostgres: postgres,
        cpuUsPerCheckClickHouse: clickhouse,
        redisSentPerCheck: (after.operations.sent - before.operations.sent) / stored,
        redisExecutedPerCheck: (after.operations.executed - before.operations.executed) / stored,
        otherCores: otherMs / tookMs,
      },
    };
  } finally {
    await meter.stop();
  }

  async function sample() {
    const operations = await meter.read();
    return { at: Date.now(), cpu: readCpuTimes(), operations };
  }
}

/**
 * What was stored from `from` to `to`, and what was scheduled in the `spanMs` after
 * `from`: whole seconds, so that the number of scheduled checks is exact.
 */
async function readResults(
  from: number,
  to: number,
  spanMs: number,
  { stores, resultsSql }: Subject,
): Promise<{ stored: number; distinct: number; lateness: number[] }> {
  const client = createClient({ url: stores.clickhouse.url });
  try {
    const answer = await client.query({
      query: `SELECT countIf(stored_ms >= {from: Int64} AND stored_ms < {to: Int64}) AS stored,
                     uniqExactIf(check_key, scheduled_ms >= {from: Int64} AND scheduled_ms < {end: Int64}) AS distinct,
                     groupArrayIf(lateness_ms, scheduled_ms >= {from: Int64} AND scheduled_ms < {end: Int64}) AS lateness
              FROM ${resultsSql}`,
      query_params: { from, to, end: from + spanMs },
      format: "JSONEachRow",
      clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
    });
    const [row] = await answer.json<{ stored: number; distinct: number; lateness: number[] }>();
    return row ?? { stored: 0, distinct: 0, lateness: [] };
  } finally {
    await client.close();
  }
}
