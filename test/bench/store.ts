import { setTimeout as sleep } from "node:timers/promises";
import { openClickHouse } from "../../coordinator/store/clickhouse.ts";
import { migrate } from "../../coordinator/store/migrate.ts";
import type { Plan } from "../../coordinator/store/on-schedule.ts";
import { openPostgres } from "../../coordinator/store/postgres.ts";
import type { ResultStore, StoredResult } from "../../coordinator/store/results.ts";
import { createResultStore } from "../../coordinator/store/results.ts";
import type { WindowPart } from "../../coordinator/store/windows.ts";
import { partsOf } from "../../coordinator/store/windows.ts";
import { newId } from "../../shared/id.ts";
import { createLogger } from "../../shared/logger.ts";
import type { Benchmark, Figures } from "./benchmark.ts";
import { spreadOf } from "./statistics.ts";
import { startStores } from "./stores.ts";

const REGIONS = ["eu-west", "us-east", "ap-south"];
const DAYS = 30;
const DAY_MS = 86_400_000;
const INTERVAL_MS = 60_000;
/** Monitors at scale 1; at scale 40 they are the thousand of which a busy deployment may have several. */
const MONITORS = 25;
const BLOCK = 2_500;
const APPEND_SECONDS = 5;
/** The windows of a monitor's uptime; the longest reaches back to before there was anything. */
const UPTIME_DAYS = [1, 7, 30, 90];
const REPETITIONS = 40;

/** So many monitors' results of a day are made in one statement, which has to end within its deadline. */
const AT_ONCE = 100;
/** Monitors with many results, one each: what sums are for. Of the last days only, or the benchmark would take minutes. */
const BUSY = {
  tenSeconds: { prefix: "mon_10", intervalMs: 10_000, days: DAYS },
  second: { prefix: "mon_01", intervalMs: 1_000, days: 2 },
};
const KEEP_DAYS = { results: 90, minutes: 120, hours: 800, days: 3_650 };
const KEPT_FOR = { results: 90 * DAY_MS, minutes: 120 * DAY_MS, hours: 800 * DAY_MS };

/** When the monitor m of dayOf is first due in region r, in ms. */
const firstDue = (m: number, r: number): number => ((m * 7_919) % 20_000) + r * 20_000;
const firstDueSql = "(m * 7919) % 20000 + r * 20000";
const idOf = (prefix: string, m: number): string => prefix + String(m).padStart(20, "0");

/**
 * Results of one day as ClickHouse makes them up itself: phases spread as over a
 * network, a few failures, bodies of a page that changes a little.
 */
const dayOf = (prefix: string, monitors: number, intervalMs: number, start: number, first: number): string => `
  INSERT INTO results
  SELECT concat('${prefix}', leftPad(toString(m), 20, '0')) AS monitor_id,
    fromUnixTimestamp64Milli(toInt64(${start} + k * ${intervalMs} + ${firstDueSql}), 'UTC') AS scheduled_at,
    ['${REGIONS.join("', '")}'][r + 1] AS region, toUInt64(intDiv(${start}, ${intervalMs}) + k) AS round, 0 AS attempt,
    concat('agt_', leftPad(toString(r), 20, '0')) AS agent_id,
    scheduled_at + toIntervalMillisecond(toInt64(late)) AS started_at,
    started_at + toIntervalMillisecond(toInt64(latency) + 22 + rand32(n) % 1000) AS received_at,
    toDecimal64(randExponential(1.2, n + 1), 3) AS late, if(rand32(n + 2) % 2000 = 0, 'down', 'up') AS status,
    dns + connect + tls + first_byte + transfer AS latency,
    toDecimal64(0.3 + randLogNormal(0.5, 0.4, n + 3), 3) AS dns,
    toDecimal64((20 + m % 50 + r * 30) * randLogNormal(0, 0.05, n + 4), 3) AS connect,
    toDecimal64((22 + m % 50 + r * 30) * randLogNormal(0, 0.05, n + 5), 3) AS tls,
    toDecimal64((40 + m % 50 + r * 30) * randLogNormal(0, 0.2, n + 6), 3) AS first_byte,
    toDecimal64(randLogNormal(-0.5, 0.5, n + 7), 3) AS transfer,
    200 AS status_code, concat('203.0.113.', toString(m % 250 + rand32(n + 8) % 2)) AS address,
    if(m % 2 = 0, 312, 20000 + rand32(n + 9) % 300) AS body_bytes, NULL AS error_code, '' AS error_message, [] AS failed_assertions
  FROM (SELECT number AS n, ${first} + number % ${monitors} AS m, intDiv(number, ${monitors}) % ${REGIONS.length} AS r,
               intDiv(number, ${monitors * REGIONS.length}) AS k
        FROM numbers(${(monitors * REGIONS.length * DAY_MS) / intervalMs}))`;

/** A monitor that is asked about. */
interface Asked {
  readonly id: string;
  readonly plan: Plan;
  readonly intervalMs: number;
}

export const store: Benchmark = {
  about: "rows/s ingested, bytes per row and queries over 30 days of results, beside the same queries without sums",
  async run({ scope, dir, scale, note, ...setting }) {
    const servers = await startStores(scope, dir);
    const clickhouse = openClickHouse(servers.clickhouse.url);
    const postgres = openPostgres(servers.postgres.url, createLogger({ level: "silent", name: "bench" }));
    scope.add({ stop: () => Promise.all([clickhouse.close(), postgres.end()]) });
    await migrate(postgres, clickhouse, KEEP_DAYS);
    const results = createResultStore(clickhouse);
    const monitors = Math.max(1, Math.round(MONITORS * scale));
    const end = Math.floor(Date.now() / DAY_MS) * DAY_MS;

    const begun = performance.now();
    let rows = 0;
    for (const { prefix, count, intervalMs, days } of [
      { prefix: "mon_", count: monitors, intervalMs: INTERVAL_MS, days: DAYS },
      ...Object.values(BUSY).map((busy) => ({ ...busy, count: 1 })),
    ]) {
      for (let day = end - days * DAY_MS; day < end; day += DAY_MS) {
        for (let first = 0; first < count; first += AT_ONCE) {
          const some = Math.min(AT_ONCE, count - first);
          await clickhouse.command({ query: dayOf(prefix, some, intervalMs, day, first) });
        }
      }
      rows += (count * REGIONS.length * days * DAY_MS) / intervalMs;
    }
    note(`${rows} results of ${monitors} monitors made up in ${((performance.now() - begun) / 1_000).toFixed(0)} s`);
    for (const table of ["results", "results_minutes", "results_hours", "results_days"]) {
      await merge(clickhouse, table);
    }
    const bytes = await bytesOf(clickhouse);
    note(`bytes on disk: ${JSON.stringify(bytes)}`);

    const to = end - 3_723_456;
    const ask = (m: number, intervalMs: number, prefix: string): Asked => {
      const stretches = REGIONS.map((region, r) => {
        return [region, [{ from: 0, to: Number.POSITIVE_INFINITY, firstDue: firstDue(m, r), intervalMs }]] as const;
      });
      return { id: idOf(prefix, m), plan: new Map(stretches), intervalMs };
    };
    const ordinary = Array.from({ length: REPETITIONS }, (_, n) => ask((n * 7) % monitors, INTERVAL_MS, "mon_"));
    const busy = ({ prefix, intervalMs }: (typeof BUSY)["second"]) =>
      Array.from({ length: REPETITIONS / 4 }, () => ask(0, intervalMs, prefix));
    const list = ({ id }: Asked) =>
      results.list({ monitorId: id, region: null, from: null, to: null, after: null, limit: 50 });
    const misses = (days: number) => (asked: Asked) =>
      results.countMisses(asked.id, { from: to - days * DAY_MS, to }, asked.plan);

    type PartsFor = (from: number, expected: number) => readonly WindowPart[];
    const ways: readonly PartsFor[] = [
      (from, expected) => partsOf({ from, to }, expected, KEPT_FOR, end).parts,
      (from) => [{ table: "results", from, to }],
    ];
    const stats = (partsFor: PartsFor, days: number, latency?: boolean) => (asked: Asked) => {
      const parts = partsFor(to - days * DAY_MS, (REGIONS.length * days * DAY_MS) / asked.intervalMs);
      return results.summarize(asked.id, parts, asked.plan, latency);
    };
    const page = (partsFor: PartsFor) => (asked: Asked) =>
      Promise.all([list(asked), stats(partsFor, 1)(asked), stats(partsFor, 30)(asked), misses(30)(asked)]);
    const uptime = (partsFor: PartsFor) => (asked: Asked) =>
      Promise.all(UPTIME_DAYS.flatMap((days) => [stats(partsFor, days, false)(asked), misses(days)(asked)]));

    const newest = await timesOf(ordinary, [list]);
    const inTurns = (asked: readonly Asked[], work: (partsFor: PartsFor) => Work) => timesOf(asked, ways.map(work));
    const day = await inTurns(ordinary, (way) => stats(way, 1));
    const month = await inTurns(ordinary, (way) => stats(way, 30));
    const detail = await inTurns(ordinary, page);
    const uptimes = await inTurns(ordinary, uptime);
    const busyDay = await inTurns(busy(BUSY.second), (way) => stats(way, 1));
    const busyMonth = await inTurns(busy(BUSY.tenSeconds), (way) => stats(way, 30));
    const [figures, rawFigures] = ways.map((_, n): Figures => {
      const of = (times: readonly number[][]) => spreadOf(times[n] ?? []);
      return {
        statsDayP50Ms: of(day).p50,
        statsMonthP50Ms: of(month).p50,
        statsMonthP99Ms: of(month).p99,
        detailP50Ms: of(detail).p50,
        detailP99Ms: of(detail).p99,
        uptimeP50Ms: of(uptimes).p50,
        uptimeP99Ms: of(uptimes).p99,
        everySecondDayP50Ms: of(busyDay).p50,
        everyTenSecondsMonthP50Ms: of(busyMonth).p50,
      };
    });
    const appended = await append(results, setting.seconds ?? APPEND_SECONDS);
    return {
      figures: {
        ...appended,
        rows,
        bytesPerRow: (bytes.results ?? Number.NaN) / rows,
        bytesPerRowWithSums: Object.values(bytes).reduce((sum, some) => sum + some, 0) / rows,
        listP50Ms: spreadOf(newest[0] ?? []).p50,
        listP99Ms: spreadOf(newest[0] ?? []).p99,
        ...figures,
      },
      baselines: { withoutSums: rawFigures as Figures },
    };
  },
};

/** As merges leave a table in the end. With a large one the answer does not come in time, and the merge goes on. */
async function merge(clickhouse: ReturnType<typeof openClickHouse>, table: string): Promise<void> {
  const settings = { max_execution_time: 0 };
  const query = `OPTIMIZE TABLE ${table} FINAL`;
  await clickhouse.command({ query, clickhouse_settings: settings }).catch((thrown: Error) => {
    if (!/timeout/i.test(thrown.message)) throw thrown;
  });
  for (let merging = "1"; merging !== "0"; await sleep(250)) {
    const answer = await clickhouse.query({ query: "SELECT count() FROM system.merges", format: "TabSeparated" });
    merging = (await answer.text()).trim();
  }
}

async function bytesOf(clickhouse: ReturnType<typeof openClickHouse>): Promise<Record<string, number>> {
  const answer = await clickhouse.query({
    query: `SELECT table, toFloat64(sum(bytes_on_disk)) AS bytes FROM system.parts
            WHERE active AND database = currentDatabase() AND table LIKE 'results%' GROUP BY table`,
    format: "JSONEachRow",
  });
  const rows = await answer.json<{ table: string; bytes: number }>();
  return Object.fromEntries(rows.map(({ table, bytes }) => [table, bytes]));
}

type Work = (asked: Asked) => Promise<unknown>;

/** How long each call takes, in ms, one after the other and the ways in turns; the first few warm up. */
async function timesOf(asked: readonly Asked[], ways: readonly Work[]): Promise<number[][]> {
  const times = ways.map((): number[] => []);
  for (const one of asked.slice(0, 3)) for (const work of ways) await work(one);
  for (const one of asked) {
    for (const [n, work] of ways.entries()) {
      const begun = performance.now();
      await work(one);
      times[n]?.push(performance.now() - begun);
    }
  }
  return times;
}

/** Results as ingest appends them, in blocks as they are under load, one after the other. */
async function append(results: ResultStore, seconds: number): Promise<Figures> {
  const begun = performance.now();
  let rows = 0;
  for (let round = 0; performance.now() - begun < seconds * 1_000; round++) {
    await results.append(blockOf(round), newId("job"));
    rows += BLOCK;
  }
  return { rowsPerSecond: rows / ((performance.now() - begun) / 1_000) };
}

function blockOf(round: number): StoredResult[] {
  const scheduledAt = Date.now();
  return Array.from({ length: BLOCK }, (_, n) => ({
    monitorId: `mon_${String(n).padStart(20, "a")}`,
    region: REGIONS[n % REGIONS.length] as string,
    agentId: "agt_00000000000000000000",
    round,
    attempt: 0,
    scheduledAt,
    startedAt: scheduledAt + 1.25,
    receivedAt: scheduledAt + 120,
    latenessMs: 1.25,
    status: "up",
    latencyMs: 84.123 + (n % 100) / 7,
    phases: { dnsMs: 1.2, connectMs: 20.123 + (n % 100) / 7, tlsMs: 22.2, firstByteMs: 40.1, transferMs: 0.5 },
    statusCode: 200,
    address: "203.0.113.7",
    bodyBytes: 312,
    error: null,
    failedAssertions: [],
  }));
}
