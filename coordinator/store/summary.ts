import { groupBy } from "../../shared/group-by.ts";
import type { ResultStatus } from "../../shared/result.ts";
import type { ClickHouse } from "./clickhouse.ts";
import type { WindowPart } from "./windows.ts";
import { partsOf } from "./windows.ts";

/** What one region's results of a monitor over a window come to. A repeated result counts once. */
export interface RegionSummary {
  readonly region: string;
  /** Results of scheduled checks. */
  readonly scheduled: number;
  /** All results, extra checks included, by status. */
  readonly statuses: Readonly<Record<ResultStatus, number>>;
  /** Over the results that are not `error`, in ms, quantiles to about 1 %; null when there are none. */
  readonly latency: {
    readonly avgMs: number;
    readonly p50Ms: number;
    readonly p95Ms: number;
    readonly p99Ms: number;
    readonly maxMs: number;
  } | null;
}

/** Whole hours (or minutes, or days) are read as ClickHouse has summed them up, the ragged ends from the results. */
export async function summarize(
  clickhouse: ClickHouse,
  monitorId: string,
  from: number,
  to: number,
): Promise<Map<string, RegionSummary>> {
  const parts = partsOf(from, to);
  if (parts.length === 0) return new Map();
  return summarizeParts(clickhouse, monitorId, parts);
}

/** @param parts at least one; together they are the window. */
export async function summarizeParts(
  clickhouse: ClickHouse,
  monitorId: string,
  parts: readonly WindowPart[],
): Promise<Map<string, RegionSummary>> {
  const answer = await clickhouse.query({
    query: `
      SELECT region, sum(scheduled) AS scheduled, sum(up) AS up, sum(degraded) AS degraded, sum(down) AS down,
             sum(error) AS error, sum(latency_sum) AS latency_sum, max(latency_max) AS latency_max,
             quantilesTDigestMerge(0.5, 0.95, 0.99)(latency) AS quantiles
      FROM (${[...groupBy(parts, ({ table }) => table).values()].map(selectOf).join(" UNION ALL ")})
      GROUP BY region`,
    query_params: { monitorId },
    format: "JSONEachRow",
    clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
  });
  const rows = await answer.json<SummaryRow>();
  return new Map(rows.map((row) => [row.region, toSummary(row)]));
}

/** Of parts of one table. Instants stand in the text: they are whole numbers of our own. */
function selectOf(parts: readonly WindowPart[]): string {
  const table = parts[0]?.table;
  if (table !== "results") {
    const within = parts.map(
      ({ from, to }) => `(at >= toDateTime(${from / 1_000}) AND at < toDateTime(${to / 1_000}))`,
    );
    return `
      SELECT region, scheduled, up, degraded, down, error, latency_sum, latency_max, latency FROM ${table}
      WHERE monitor_id = {monitorId: String} AND (${within.join(" OR ")})`;
  }
  const instant = (ms: number) => `fromUnixTimestamp64Milli(${Math.ceil(ms)}, 'UTC')`;
  const within = parts.map(({ from, to }) => `(scheduled_at >= ${instant(from)} AND scheduled_at < ${instant(to)})`);
  return `
    SELECT region, countIf(attempt = 0) AS scheduled,
           countIf(status = 'up') AS up, countIf(status = 'degraded') AS degraded,
           countIf(status = 'down') AS down, countIf(status = 'error') AS error,
           sumIf(toFloat64(latency_ms), status != 'error') AS latency_sum,
           maxIf(toFloat32(latency_ms), status != 'error') AS latency_max,
           quantilesTDigestStateIf(0.5, 0.95, 0.99)(toFloat32(latency_ms), status != 'error') AS latency
    FROM (SELECT region, attempt, status, latency_ms FROM results
          WHERE monitor_id = {monitorId: String} AND (${within.join(" OR ")})
          LIMIT 1 BY scheduled_at, region, round, attempt)
    GROUP BY region`;
}

interface SummaryRow extends Readonly<Record<ResultStatus | "scheduled", number>> {
  readonly region: string;
  readonly latency_sum: number;
  readonly latency_max: number;
  readonly quantiles: readonly [number, number, number];
}

function toSummary(row: SummaryRow): RegionSummary {
  const { region, scheduled, up, degraded, down, error, latency_sum, latency_max: maxMs } = row;
  const [p50Ms, p95Ms, p99Ms] = row.quantiles;
  const observed = up + degraded + down;
  return {
    region,
    scheduled,
    statuses: { up, degraded, down, error },
    latency: observed === 0 ? null : { avgMs: latency_sum / observed, p50Ms, p95Ms, p99Ms, maxMs },
  };
}
