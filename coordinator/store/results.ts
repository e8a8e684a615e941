import type { MissReason } from "../../shared/check.ts";
import { groupBy } from "../../shared/group-by.ts";
import type { Miss, Result, ResultStatus } from "../../shared/result.ts";
import type { ClickHouse } from "./clickhouse.ts";

/** A result as it was received: with the region of the queue that it came through. */
export type StoredResult = Result & { readonly region: string; readonly agentId: string; readonly receivedAt: number };
export type StoredMiss = Miss & { readonly region: string };

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

/** What one region's results of a monitor over a window come to. A repeated result counts once. */
export interface RegionSummary {
  readonly region: string;
  /** Results of scheduled checks. */
  readonly scheduled: number;
  /** All results, extra checks included, by status. */
  readonly statuses: Readonly<Record<ResultStatus, number>>;
  /** Over the results that are not `error`, in ms; null when there are none. */
  readonly latency: {
    readonly avgMs: number;
    readonly p50Ms: number;
    readonly p95Ms: number;
    readonly p99Ms: number;
    readonly maxMs: number;
  } | null;
}

/** Every result and every miss, in ClickHouse. */
export interface ResultStore {
  append(results: readonly StoredResult[]): Promise<void>;
  appendMisses(misses: readonly StoredMiss[]): Promise<void>;
  /** Newest first; a result that was stored twice is returned once. */
  list(query: ResultQuery): Promise<StoredResult[]>;
  /** What a monitor's results come to that were due from `from` to below `to`, in ms since the epoch, by region. */
  summarize(monitorId: string, from: number, to: number): Promise<Map<string, RegionSummary>>;
  /** Scheduled checks in that window that were reported as missed and have no result, by region and reason. */
  countMisses(monitorId: string, from: number, to: number): Promise<Map<string, Partial<Record<MissReason, number>>>>;
}

export function createResultStore(clickhouse: ClickHouse): ResultStore {
  return {
    async append(results) {
      await clickhouse.insert({ table: "results", values: results.map(toRow), format: "JSONEachRow" });
    },
    async appendMisses(misses) {
      const values = misses.map((miss) => ({
        monitor_id: miss.monitorId,
        scheduled_at: toTime(miss.scheduledAt),
        region: miss.region,
        round: miss.round,
        attempt: miss.attempt,
        reason: miss.reason,
      }));
      await clickhouse.insert({ table: "misses", values, format: "JSONEachRow" });
    },
    async summarize(monitorId, from, to) {
      const answer = await clickhouse.query({
        query: `
          SELECT region, countIf(attempt = 0) AS scheduled,
                 countIf(status = 'up') AS up, countIf(status = 'degraded') AS degraded,
                 countIf(status = 'down') AS down, countIf(status = 'error') AS error,
                 avgIf(latency_ms, status != 'error') AS avg, maxIf(latency_ms, status != 'error') AS max,
                 quantilesIf(0.5, 0.95, 0.99)(latency_ms, status != 'error') AS quantiles
          FROM (SELECT region, attempt, status, latency_ms FROM results WHERE ${inWindow}
                LIMIT 1 BY scheduled_at, region, round, attempt)
          GROUP BY region`,
        query_params: { monitorId, from, to },
        format: "JSONEachRow",
        clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
      });
      const rows = await answer.json<SummaryRow>();
      return new Map(rows.map((row) => [row.region, toSummary(row)]));
    },
    async countMisses(monitorId, from, to) {
      const answer = await clickhouse.query({
        query: `
          SELECT region, reason, count() AS missed
          FROM (SELECT region, round, scheduled_at, reason FROM misses WHERE ${inWindow} AND attempt = 0
                LIMIT 1 BY scheduled_at, region, round)
          WHERE (scheduled_at, region, round) NOT IN (SELECT scheduled_at, region, round FROM results WHERE ${inWindow} AND attempt = 0)
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
    async list({ monitorId, region, from, to, after, limit }) {
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
      // In the reverse order of the sorting key, so that reading stops when the page is full.
      const answer = await clickhouse.query({
        query: `
          SELECT *, toUnixTimestamp64Milli(scheduled_at) AS scheduled_ms, toUnixTimestamp64Milli(started_at) AS started_ms,
                 toUnixTimestamp64Milli(received_at) AS received_ms
          FROM results WHERE ${conditions.join(" AND ")}
          ORDER BY monitor_id DESC, scheduled_at DESC, region DESC, round DESC, attempt DESC
          LIMIT 1 BY monitor_id, scheduled_at, region, round, attempt
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
      return (await answer.json<Row>()).map(toResult);
    },
  };
}

/** The rows of one monitor that were due in a window. */
const inWindow = `monitor_id = {monitorId: String}
  AND scheduled_at >= fromUnixTimestamp64Milli({from: Int64}, 'UTC') AND scheduled_at < fromUnixTimestamp64Milli({to: Int64}, 'UTC')`;

interface SummaryRow extends Readonly<Record<ResultStatus | "scheduled", number>> {
  readonly region: string;
  readonly avg: number | null;
  readonly max: number;
  readonly quantiles: readonly [number, number, number];
}

function toSummary({ region, scheduled, up, degraded, down, error, avg, max, quantiles }: SummaryRow): RegionSummary {
  const [p50Ms, p95Ms, p99Ms] = quantiles;
  return {
    region,
    scheduled,
    statuses: { up, degraded, down, error },
    latency: up + degraded + down === 0 ? null : { avgMs: avg ?? 0, p50Ms, p95Ms, p99Ms, maxMs: max },
  };
}

const phaseColumns = {
  dnsMs: "dns_ms",
  connectMs: "connect_ms",
  tlsMs: "tls_ms",
  firstByteMs: "first_byte_ms",
  transferMs: "transfer_ms",
} as const;
type PhaseColumn = (typeof phaseColumns)[keyof typeof phaseColumns];

type Row = Readonly<Record<PhaseColumn, number | null>> & {
  readonly monitor_id: string;
  readonly region: string;
  readonly agent_id: string;
  readonly round: number;
  readonly attempt: number;
  readonly scheduled_ms: number;
  readonly started_ms: number;
  readonly received_ms: number;
  readonly lateness_ms: number;
  readonly status: Result["status"];
  readonly latency_ms: number;
  readonly status_code: number | null;
  readonly address: string | null;
  readonly body_bytes: number | null;
  readonly error_code: NonNullable<Result["error"]>["code"] | null;
  readonly error_message: string;
  readonly failed_assertions: string[];
};

function toRow(result: StoredResult) {
  return {
    monitor_id: result.monitorId,
    scheduled_at: toTime(result.scheduledAt),
    region: result.region,
    round: result.round,
    attempt: result.attempt,
    agent_id: result.agentId,
    started_at: toTime(result.startedAt),
    received_at: toTime(result.receivedAt),
    lateness_ms: result.latenessMs,
    status: result.status,
    latency_ms: result.latencyMs,
    dns_ms: result.phases.dnsMs ?? null,
    connect_ms: result.phases.connectMs ?? null,
    tls_ms: result.phases.tlsMs ?? null,
    first_byte_ms: result.phases.firstByteMs ?? null,
    transfer_ms: result.phases.transferMs ?? null,
    status_code: result.statusCode,
    address: result.address,
    body_bytes: result.bodyBytes,
    error_code: result.error?.code ?? null,
    error_message: result.error?.message ?? "",
    failed_assertions: result.failedAssertions,
  };
}

function toResult(row: Row): StoredResult {
  const phases: Result["phases"] = {};
  for (const [phase, column] of Object.entries(phaseColumns) as Array<[keyof typeof phaseColumns, PhaseColumn]>) {
    const ms = row[column];
    if (ms !== null) phases[phase] = ms;
  }
  return {
    monitorId: row.monitor_id,
    region: row.region,
    agentId: row.agent_id,
    round: row.round,
    attempt: row.attempt,
    scheduledAt: row.scheduled_ms,
    startedAt: row.started_ms,
    receivedAt: row.received_ms,
    latenessMs: row.lateness_ms,
    status: row.status,
    latencyMs: row.latency_ms,
    phases,
    statusCode: row.status_code,
    address: row.address,
    bodyBytes: row.body_bytes,
    error: row.error_code === null ? null : { code: row.error_code, message: row.error_message },
    failedAssertions: row.failed_assertions,
  };
}

/** `2026-01-31 12:00:00.123`: the form that ClickHouse reads fastest. */
function toTime(epochMs: number): string {
  return new Date(epochMs).toISOString().replace("T", " ").slice(0, 23);
}
