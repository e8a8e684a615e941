import { Readable } from "node:stream";
import type { MissReason } from "../../shared/check.ts";
import { isoTime } from "../../shared/clock.ts";
import { groupBy } from "../../shared/group-by.ts";
import type { ClickHouse } from "./clickhouse.ts";
import type { Plan } from "./on-schedule.ts";
import { isPlanned } from "./on-schedule.ts";
import type { ResultRow, StoredMiss, StoredResult } from "./result-rows.ts";
import { keyOf, missColumns, missLine, resultColumns, resultLine, toResult } from "./result-rows.ts";
import type { RegionSummary } from "./summary.ts";
import { summarize } from "./summary.ts";
import type { Window, WindowPart } from "./windows.ts";

export type { StoredMiss, StoredResult } from "./result-rows.ts";
export type { RegionSummary } from "./summary.ts";

/** A place in a listing of results, newest first: behind the result of this check. */
export interface ResultPosition {
  readonly scheduledAt: number;
  readonly region: string;
  readonly round: number;
  readonly attempt: number;
}

export interface ResultQuery {
  readonly monitorId: string;
  readonly region: string | null;
  /** From this instant on, in ms since the epoch. */
  readonly from: number | null;
  /** To below this instant, in ms since the epoch. */
  readonly to: number | null;
  readonly after: ResultPosition | null;
  readonly limit: number;
}

/** Every result and every miss, in ClickHouse. */
export interface ResultStore {
  /**
   * Inserts results that are new: one that is stored already would count twice in
   * what is summed up. Repeating a call with its token within some thousand inserts
   * changes nothing, whatever became of the first; nor does it where ClickHouse was
   * killed between a row and its sums, which are then made up for.
   */
  append(results: readonly StoredResult[], token: string): Promise<void>;
  appendMisses(misses: readonly StoredMiss[], token: string): Promise<void>;
  /**
   * Those that are not stored yet, each once. Reads some thousand rows per monitor: for results that may be repetitions.
   * @param sent they were sent before, with what became of it unknown: then they do not count as stored themselves,
   * but another run or another delivery of the same check does.
   */
  unstored(results: readonly StoredResult[], sent: boolean): Promise<StoredResult[]>;
  /** Newest first; a result that was stored twice is returned once. */
  list(query: ResultQuery): Promise<StoredResult[]>;
  /**
   * What a monitor's results come to in the parts of a window, by region.
   * @param plan tells which of them the schedule contains; null: all but extra checks.
   * @param latency whether latencies are wanted, as they are unless told otherwise: they are most of the work.
   */
  summarize(
    monitorId: string,
    parts: readonly WindowPart[],
    plan: Plan | null,
    latency?: boolean,
  ): Promise<Map<string, RegionSummary>>;
  /** Checks of the plan in a window that were reported as missed and have no result, by region and reason. */
  countMisses(monitorId: string, window: Window, plan: Plan): Promise<Map<string, Partial<Record<MissReason, number>>>>;
}

export function createResultStore(clickhouse: ClickHouse): ResultStore {
  return {
    append: (results, token) =>
      insertBlock(clickhouse, `results (${resultColumns})`, results.map(resultLine).join("\n"), token),
    appendMisses: (misses, token) =>
      insertBlock(clickhouse, `misses (${missColumns})`, misses.map(missLine).join("\n"), token),
    async unstored(results, sent) {
      const own = new Set(sent ? results.map(originOf) : []);
      const seen = new Set<string>();
      for (let n = 0; n < results.length; n += LOOKED_UP_AT_ONCE) {
        const found = await lookUp(clickhouse, results.slice(n, n + LOOKED_UP_AT_ONCE));
        for (const row of found) if (!own.has(originOf(row))) seen.add(keyOf(row));
      }
      return results.filter((result) => {
        const key = keyOf(result);
        return !seen.has(key) && seen.add(key);
      });
    },
    summarize: (monitorId, parts, plan, latency = true) => summarize(clickhouse, monitorId, parts, plan, latency),
    async countMisses(monitorId, { from, to }, plan) {
      const answer = await clickhouse.query({
        query: `
          SELECT region, reason, count() AS missed
          FROM (SELECT region, round, scheduled_at, reason FROM misses WHERE ${inWindow} AND attempt = 0 AND ${isPlanned(plan)}
                LIMIT 1 BY scheduled_at, region, round)
          WHERE (scheduled_at, region, round) NOT IN (
            SELECT scheduled_at, region, round FROM results
            WHERE ${inWindow} AND attempt = 0 AND scheduled_at IN (SELECT scheduled_at FROM misses WHERE ${inWindow}))
          GROUP BY region, reason`,
        query_params: { monitorId, from, to },
        format: "JSONEachRow",
        clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
      });
      const rows = await answer.json<{ region: string; reason: MissReason; missed: number }>();
      return new Map(
        [...groupBy(rows, ({ region }) => region)].map(([region, own]) => [
          region,
          Object.fromEntries(own.map(({ reason, missed }) => [reason, missed])),
        ]),
      );
    },
    async list(query) {
      const found: StoredResult[] = [];
      let { after } = query;
      for (;;) {
        const rows = await readInOrder(clickhouse, { ...query, after, limit: query.limit - found.length + SPARE_ROWS });
        found.push(...onceEach(rows));
        const last = rows.at(-1);
        if (!last || rows.length < SPARE_ROWS || found.length >= query.limit) return found.slice(0, query.limit);
        after = last;
      }
    },
  };
}

/** Read beyond the page, so that some repetitions do not make for a second reading. */
const SPARE_ROWS = 10;

/** Repetitions are neighbours: all that tells results apart is in the order. */
function onceEach(rows: readonly StoredResult[]): StoredResult[] {
  return rows.filter((row, n) => {
    const before = rows[n - 1];
    return !before || before.scheduledAt !== row.scheduledAt || keyOf(before) !== keyOf(row);
  });
}

/**
 * In the reverse order of the sorting key, so that reading stops when the page is full.
 * With LIMIT 1 BY it would not.
 */
async function readInOrder(
  clickhouse: ClickHouse,
  { monitorId, region, from, to, after, limit }: ResultQuery,
): Promise<StoredResult[]> {
  const conditions = ["monitor_id = {monitorId: String}"];
  if (region !== null) conditions.push("region = {region: String}");
  if (from !== null) conditions.push("scheduled_at >= fromUnixTimestamp64Milli({from: Int64}, 'UTC')");
  if (to !== null) conditions.push("scheduled_at < fromUnixTimestamp64Milli({to: Int64}, 'UTC')");
  if (after !== null) {
    conditions.push(
      `scheduled_at <= fromUnixTimestamp64Milli({afterTime: Int64}, 'UTC')
       AND (scheduled_at, region, round, attempt)
         < (fromUnixTimestamp64Milli({afterTime: Int64}, 'UTC'), {afterRegion: String}, {afterRound: UInt64}, {afterAttempt: UInt32})`,
    );
  }
  const answer = await clickhouse.query({
    query: `
      SELECT *, toUnixTimestamp64Milli(scheduled_at) AS scheduled_ms, toUnixTimestamp64Milli(started_at) AS started_ms,
             toUnixTimestamp64Milli(received_at) AS received_ms
      FROM results WHERE ${conditions.join(" AND ")}
      ORDER BY monitor_id DESC, scheduled_at DESC, region DESC, round DESC, attempt DESC
      LIMIT {limit: UInt32}`,
    query_params: {
      monitorId,
      region,
      from,
      to,
      limit,
      afterTime: after?.scheduledAt,
      afterRegion: after?.region,
      afterRound: after?.round,
      afterAttempt: after?.attempt,
    },
    format: "JSONEachRow",
    clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
  });
  return (await answer.json<ResultRow>()).map(toResult);
}

/** The rows of one monitor that were due in a window. */
const inWindow = `monitor_id = {monitorId: String}
  AND scheduled_at >= fromUnixTimestamp64Milli({from: Int64}, 'UTC') AND scheduled_at < fromUnixTimestamp64Milli({to: Int64}, 'UTC')`;

/** How long an insert may take, and the look-up before it, in ms; some thousand rows take a tenth of a second. */
const INSERT_DEADLINE_MS = 10_000;

async function insertBlock(clickhouse: ClickHouse, into: string, lines: string, token: string): Promise<void> {
  const { stream } = await clickhouse.exec({
    query: `INSERT INTO ${into} FORMAT JSONCompactEachRow`,
    values: Readable.from([Buffer.from(lines)]),
    abort_signal: AbortSignal.timeout(INSERT_DEADLINE_MS),
    clickhouse_settings: {
      insert_deduplicate: 1,
      insert_deduplication_token: token,
      deduplicate_blocks_in_dependent_materialized_views: 1,
    },
  });
  for await (const _ of stream);
}

/** So many keys fit the 256 KB that ClickHouse reads of a statement. */
const LOOKED_UP_AT_ONCE = 2_000;

/** What tells a result from another run of its check, and from another delivery of the same run. */
type Origin = Pick<StoredResult, "monitorId" | "region" | "round" | "attempt" | "agentId" | "startedAt" | "receivedAt">;

function originOf(row: Origin): string {
  return `${keyOf(row)} ${row.agentId} ${Math.floor(row.startedAt)} ${Math.floor(row.receivedAt)}`;
}

/** What is stored at these results' places in the sorting order. */
async function lookUp(clickhouse: ClickHouse, results: readonly StoredResult[]): Promise<Origin[]> {
  const places = results.map(({ monitorId, scheduledAt }) => {
    const time = isoTime(scheduledAt).replace("T", " ").slice(0, 23);
    return `('${monitorId.replaceAll(/['\\]/g, "\\$&")}', '${time}')`;
  });
  const answer = await clickhouse.query({
    query: `
      SELECT monitor_id AS monitorId, region, round, attempt, agent_id AS agentId,
             toUnixTimestamp64Milli(started_at) AS startedAt, toUnixTimestamp64Milli(received_at) AS receivedAt
      FROM results WHERE (monitor_id, scheduled_at) IN (${places.join(", ")})`,
    format: "JSONEachRow",
    abort_signal: AbortSignal.timeout(INSERT_DEADLINE_MS),
    clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
  });
  return answer.json<Origin>();
}
