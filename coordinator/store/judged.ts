import type { Hold, Span } from "../replay/history.ts";
import type { Stored } from "../replay/replay.ts";
import type { Side } from "../verdict/state.ts";
import type { ClickHouse } from "./clickhouse.ts";
import type { Postgres } from "./postgres.ts";
import { endedAt } from "./result-rows.ts";

/** What is read of the results of a time, in ms since the epoch. */
export interface ResultsWanted {
  readonly monitorId: string;
  /** Those that were received from this instant on … */
  readonly from: number;
  /** … to below this one, … */
  readonly to: number;
  /** … unless their check was due so long before that they are no votes any more, in ms. */
  readonly lifetimeMs: number;
  readonly limit: number;
}

/** What verdicts were judged on, as far as it is kept. */
export interface JudgedStore {
  /** In the order of their receipt, each once. */
  results(wanted: ResultsWanted): Promise<Stored[]>;
  /** When which region had no vote, as far as it was within a time. */
  impairments(from: number, to: number): Promise<Array<Span & { readonly region: string }>>;
  /** When which regions' word on a monitor was held back, as far as it was within a time. */
  holds(monitorId: string, from: number, to: number): Promise<Hold[]>;
  /** When a monitor was shown as in maintenance, as far as it was within a time. */
  maintenance(monitorId: string, from: number, to: number): Promise<Span[]>;
}

type ResultRow = readonly [
  region: string,
  status: Side | "error",
  round: number,
  attempt: number,
  scheduledMs: number,
  startedMs: number,
  receivedMs: number,
  latencyMs: number,
];

interface SpanRow {
  readonly from_at: Date;
  readonly to_at: Date | null;
}

export function createJudgedStore(postgres: Postgres, clickhouse: ClickHouse): JudgedStore {
  return {
    async results({ monitorId, from, to, lifetimeMs, limit }) {
      const answer = await clickhouse.query({
        query: `
          SELECT region, status, round, attempt, toUnixTimestamp64Milli(scheduled_at), toUnixTimestamp64Milli(started_at),
                 toUnixTimestamp64Milli(received_at) AS received_ms, latency_ms
          FROM results
          WHERE monitor_id = {monitorId: String}
            AND scheduled_at >= fromUnixTimestamp64Milli({from: Int64} - {lifetime: Int64}, 'UTC')
            AND scheduled_at < fromUnixTimestamp64Milli({to: Int64}, 'UTC')
            AND received_ms >= {from: Int64} AND received_ms < {to: Int64}
          ORDER BY received_ms, scheduled_at, attempt, region, round
          LIMIT 1 BY scheduled_at, region, round, attempt
          LIMIT {limit: UInt32}`,
        query_params: { monitorId, from, to, lifetime: lifetimeMs, limit },
        format: "JSONCompactEachRow",
        clickhouse_settings: { output_format_json_quote_64bit_integers: 0 },
      });
      return (await answer.json<ResultRow>()).map(toStored);
    },
    async impairments(from, to) {
      const { rows } = await postgres.query<SpanRow & { region: string }>(
        `SELECT region, from_at, to_at FROM region_impairments
         WHERE (to_at IS NULL OR to_at >= $1) AND from_at < $2 ORDER BY from_at`,
        [new Date(from), new Date(to)],
      );
      return rows.map((row) => ({ region: row.region, ...toSpan(row) }));
    },
    async holds(monitorId, from, to) {
      const { rows } = await postgres.query<{ regions: string[]; from_at: Date; to_at: Date }>(
        `SELECT regions, from_at, to_at FROM verdict_holds
         WHERE monitor_id = $1 AND to_at >= $2 AND from_at < $3 ORDER BY from_at`,
        [monitorId, new Date(from), new Date(to)],
      );
      return rows.map(({ regions, from_at, to_at }) => ({ regions, from: from_at.getTime(), to: to_at.getTime() }));
    },
    async maintenance(monitorId, from, to) {
      const { rows } = await postgres.query<SpanRow>(
        `SELECT from_at, to_at
         FROM (SELECT verdict, at AS from_at, lead(at) OVER (ORDER BY at) AS to_at
               FROM verdict_changes WHERE monitor_id = $1) AS shown
         WHERE verdict = 'maintenance' AND (to_at IS NULL OR to_at >= $2) AND from_at < $3 ORDER BY from_at`,
        [monitorId, new Date(from), new Date(to)],
      );
      return rows.map(toSpan);
    },
  };
}

function toStored([region, status, round, attempt, scheduledAt, startedAt, receivedAt, latencyMs]: ResultRow): Stored {
  return { region, status, round, attempt, scheduledAt, checkedAt: endedAt({ startedAt, latencyMs }), receivedAt };
}

function toSpan({ from_at, to_at }: SpanRow): Span {
  return { from: from_at.getTime(), to: to_at?.getTime() ?? null };
}
