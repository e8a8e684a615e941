import { groupBy } from "../../shared/group-by.ts";
import type { ResultStatus } from "../../shared/result.ts";
import type { Evidence } from "../incidents/incident.ts";
import type { Verdict } from "../verdict/verdict.ts";
import { verdicts } from "../verdict/verdict.ts";
import type { Postgres, PostgresClient } from "./postgres.ts";

/** The latest of one monitor in one region. */
export interface RegionStatus extends Omit<Evidence, "since" | "backSince"> {
  readonly monitorId: string;
  readonly scheduledAt: number;
  readonly attempt: number;
  /** When the first check of the unbroken row with this status ended, in ms since the epoch. */
  readonly sideSince: number;
  /** When the certificate that the target showed expires, in ms since the epoch; null without one. */
  readonly certificateExpiresAt: number | null;
}

export interface MonitorStatus {
  readonly monitorId: string;
  readonly verdict: Verdict;
  readonly since: number;
  /** A result did not fit the verdict, and it is being asked again everywhere. */
  readonly suspected: boolean;
  /** It changes too often to tell of each change. */
  readonly flapping: boolean;
  readonly regions: readonly RegionStatus[];
}

export interface StatusStore {
  /** The statuses of these monitors. */
  of(monitorIds: readonly string[]): Promise<Map<string, MonitorStatus>>;
  /** How many monitors have each verdict. */
  counts(): Promise<Readonly<Record<Verdict, number>>>;
  /** When each region's latest result was due, in ms since the epoch. */
  lastResults(): Promise<Map<string, number>>;
}

interface MonitorRow {
  readonly monitor_id: string;
  readonly verdict: Verdict;
  readonly since: Date;
  readonly suspected: boolean;
  readonly flapping: boolean;
}

export function createStatusStore(postgres: Postgres): StatusStore {
  return {
    async of(monitorIds) {
      const [monitors, regions] = await Promise.all([
        postgres.query<MonitorRow>(
          `SELECT monitor_id, verdict, since, coalesce(state->'doubt' <> 'null', false) AS suspected,
                  coalesce((state->'flapping')::boolean, false) AS flapping
           FROM monitor_status WHERE monitor_id = ANY($1)`,
          [monitorIds],
        ),
        readStatuses(postgres, monitorIds),
      ]);
      const byMonitor = groupBy(regions, ({ monitorId }) => monitorId);
      return new Map(
        monitors.rows.map(({ monitor_id: monitorId, since, ...row }) => [
          monitorId,
          { monitorId, ...row, since: since.getTime(), regions: byMonitor.get(monitorId) ?? [] },
        ]),
      );
    },
    async counts() {
      const { rows } = await postgres.query<{ verdict: Verdict; count: number }>(
        `SELECT coalesce(s.verdict, 'unknown') AS verdict, count(*)::integer AS count
         FROM monitors m LEFT JOIN monitor_status s ON s.monitor_id = m.id GROUP BY 1`,
      );
      const counted = new Map(rows.map(({ verdict, count }) => [verdict, count]));
      return Object.fromEntries(verdicts.map((verdict) => [verdict, counted.get(verdict) ?? 0])) as Record<
        Verdict,
        number
      >;
    },
    async lastResults() {
      const { rows } = await postgres.query<{ region: string; last: Date }>(
        "SELECT region, max(checked_at) AS last FROM monitor_region_status GROUP BY region",
      );
      return new Map(rows.map(({ region, last }) => [region, last.getTime()]));
    },
  };
}

interface RegionRow {
  readonly monitor_id: string;
  readonly region: string;
  readonly status: ResultStatus;
  readonly scheduled_at: Date;
  readonly attempt: number;
  readonly checked_at: Date;
  readonly side_since: Date;
  readonly latency_ms: number;
  readonly status_code: number | null;
  readonly address: string | null;
  readonly phase: string | null;
  readonly certificate: string | null;
  readonly certificate_expires_at: Date | null;
  readonly error_code: string | null;
  readonly error_message: string | null;
}

/** The latest of these monitors in every region. */
export async function readStatuses(
  client: Postgres | PostgresClient,
  monitorIds: readonly string[],
): Promise<RegionStatus[]> {
  const { rows } = await client.query<RegionRow>(
    "SELECT * FROM monitor_region_status WHERE monitor_id = ANY($1) ORDER BY region",
    [monitorIds],
  );
  return rows.map((row) => ({
    monitorId: row.monitor_id,
    region: row.region,
    status: row.status,
    scheduledAt: row.scheduled_at.getTime(),
    attempt: row.attempt,
    checkedAt: row.checked_at.getTime(),
    sideSince: row.side_since.getTime(),
    latencyMs: row.latency_ms,
    statusCode: row.status_code,
    address: row.address,
    phase: row.phase,
    certificate: row.certificate,
    certificateExpiresAt: row.certificate_expires_at?.getTime() ?? null,
    error: row.error_code === null ? null : { code: row.error_code, message: row.error_message ?? "" },
  }));
}
