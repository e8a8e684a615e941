import { groupBy } from "../../shared/group-by.ts";
import type { MonitorSpec } from "../../shared/monitor.ts";
import type { ResultStatus } from "../../shared/result.ts";
import type { Judgement, Policy, Verdict, Vote } from "../verdict/verdict.ts";
import type { Postgres, PostgresClient } from "./postgres.ts";
import { inTransaction } from "./postgres.ts";

/** The latest of one monitor in one region. */
export interface RegionStatus {
  readonly monitorId: string;
  readonly region: string;
  readonly status: ResultStatus;
  readonly scheduledAt: number;
  readonly attempt: number;
  readonly checkedAt: number;
  readonly latencyMs: number;
  readonly statusCode: number | null;
  readonly address: string | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

export interface MonitorStatus {
  readonly monitorId: string;
  readonly verdict: Verdict;
  readonly since: number;
  readonly regions: readonly RegionStatus[];
}

/** A verdict that differs from the one before it. */
export interface VerdictChange {
  readonly monitorId: string;
  readonly from: Verdict;
  readonly to: Verdict;
}

/** Everything that a verdict depends on, as the database has it at one moment. */
export interface Case {
  readonly monitorId: string;
  readonly policy: Policy;
  readonly regions: MonitorSpec["regions"];
  readonly votes: readonly Vote[];
}

export interface StatusStore {
  /**
   * Keeps the newer of what is stored and what is given, per monitor and region,
   * and judges those monitors again, in one transaction: whichever coordinators
   * ingest the regions, each verdict is over all votes and each change happens once.
   */
  apply(statuses: readonly RegionStatus[], judge: (subject: Case) => Judgement): Promise<VerdictChange[]>;
  /** Judges monitors again of which a vote has gone stale; at most `limit`, the longest overdue first. */
  rejudgeStale(limit: number, judge: (subject: Case) => Judgement): Promise<VerdictChange[]>;
  /** The statuses of these monitors. */
  of(monitorIds: readonly string[]): Promise<Map<string, MonitorStatus>>;
  /** When each region's latest result was due, in ms since the epoch. */
  lastResults(): Promise<Map<string, number>>;
}

interface Locked {
  readonly monitor_id: string;
  readonly verdict: Verdict;
  readonly stale_at: Date | null;
  readonly is_stale: boolean;
  readonly policy: Policy;
  readonly regions: MonitorSpec["regions"];
}

const lockSql = `
  SELECT s.monitor_id, s.verdict, s.stale_at, coalesce(s.stale_at <= now(), false) AS is_stale, m.spec->'regions' AS regions,
         jsonb_build_object('enabled', m.enabled, 'intervalMs', m.spec->'intervalMs',
                            'timeoutMs', m.spec->'timeoutMs', 'quorum', m.spec->'quorum') AS policy
  FROM monitor_status s JOIN monitors m ON m.id = s.monitor_id`;

export function createStatusStore(postgres: Postgres): StatusStore {
  return {
    apply: (statuses, judge) =>
      inTransaction(postgres, async (client) => {
        const ids = [...new Set(statuses.map(({ monitorId }) => monitorId))];
        // In one order everywhere, so that two flushes never wait for each other in a circle.
        const { rows } = await client.query<Locked>({
          name: "lock_statuses",
          text: `${lockSql} WHERE s.monitor_id = ANY($1) ORDER BY s.monitor_id FOR UPDATE OF s`,
          values: [ids],
        });
        // In a statement of its own: it has to see what others kept until the rows were locked.
        const votes = await keepNewer(client, ids, statuses);
        return await write(client, decide(rows, votes, judge));
      }),
    rejudgeStale: (limit, judge) =>
      inTransaction(postgres, async (client) => {
        const { rows } = await client.query<Locked>(
          `${lockSql} WHERE s.stale_at <= now() ORDER BY s.stale_at LIMIT $1 FOR UPDATE OF s SKIP LOCKED`,
          [limit],
        );
        if (rows.length === 0) return [];
        const votes = await readVotes(
          client,
          rows.map(({ monitor_id }) => monitor_id),
        );
        return await write(client, decide(rows, votes, judge));
      }),
    async of(monitorIds) {
      const [monitors, regions] = await Promise.all([
        postgres.query<{ monitor_id: string; verdict: Verdict; since: Date }>(
          "SELECT monitor_id, verdict, since FROM monitor_status WHERE monitor_id = ANY($1)",
          [monitorIds],
        ),
        postgres.query<RegionRow>(`SELECT * FROM monitor_region_status WHERE monitor_id = ANY($1) ORDER BY region`, [
          monitorIds,
        ]),
      ]);
      const byMonitor = groupBy(regions.rows.map(toRegionStatus), ({ monitorId }) => monitorId);
      return new Map(
        monitors.rows.map(({ monitor_id, verdict, since }) => [
          monitor_id,
          { monitorId: monitor_id, verdict, since: since.getTime(), regions: byMonitor.get(monitor_id) ?? [] },
        ]),
      );
    },
    async lastResults() {
      const { rows } = await postgres.query<{ region: string; last: Date }>(
        "SELECT region, max(checked_at) AS last FROM monitor_region_status GROUP BY region",
      );
      return new Map(rows.map(({ region, last }) => [region, last.getTime()]));
    },
  };
}

interface VoteRow {
  readonly monitor_id: string;
  readonly region: string;
  readonly status: ResultStatus;
  /** ms since the epoch. */
  readonly scheduled_ms: number;
}

const voteColumns = "monitor_id, region, status, round(date_part('epoch', scheduled_at) * 1000) AS scheduled_ms";

async function readVotes(client: PostgresClient, monitorIds: readonly string[]): Promise<VoteRow[]> {
  const { rows } = await client.query<VoteRow>(
    `SELECT ${voteColumns} FROM monitor_region_status WHERE monitor_id = ANY($1)`,
    [monitorIds],
  );
  return rows;
}

/**
 * A status of a monitor that is gone is dropped, and so is one of a check that was
 * due before the monitor's current revision: it was about another target.
 * @returns all votes on these monitors, as they are with what was kept.
 */
async function keepNewer(
  client: PostgresClient,
  monitorIds: readonly string[],
  statuses: readonly RegionStatus[],
): Promise<VoteRow[]> {
  const given = newestPerRegion(statuses);
  // The second half sees the table as it was before: what was kept is in the first.
  const { rows } = await client.query<VoteRow>({
    name: "keep_newer_statuses",
    text: `WITH kept AS (
       INSERT INTO monitor_region_status AS old
         (monitor_id, region, status, scheduled_at, attempt, checked_at, latency_ms, status_code, address, error_code, error_message)
       SELECT n.* FROM unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::bigint[], $7::timestamptz[], $8::real[],
                              $9::integer[], $10::text[], $11::text[], $12::text[])
         AS n (monitor_id, region, status, scheduled_at, attempt, checked_at, latency_ms, status_code, address, error_code, error_message)
       JOIN monitors m ON m.id = n.monitor_id AND n.scheduled_at >= m.updated_at
       ON CONFLICT (monitor_id, region) DO UPDATE SET
         status = excluded.status, scheduled_at = excluded.scheduled_at, attempt = excluded.attempt,
         checked_at = excluded.checked_at, latency_ms = excluded.latency_ms, status_code = excluded.status_code,
         address = excluded.address, error_code = excluded.error_code, error_message = excluded.error_message
       WHERE (old.scheduled_at, old.attempt) < (excluded.scheduled_at, excluded.attempt)
       RETURNING monitor_id, region, status, scheduled_at)
     SELECT ${voteColumns} FROM kept
     UNION ALL
     SELECT ${voteColumns} FROM monitor_region_status
     WHERE monitor_id = ANY($1) AND (monitor_id, region) NOT IN (SELECT monitor_id, region FROM kept)`,
    values: [
      monitorIds,
      given.map((row) => row.monitorId),
      given.map((row) => row.region),
      given.map((row) => row.status),
      given.map((row) => new Date(row.scheduledAt)),
      given.map((row) => row.attempt),
      given.map((row) => new Date(row.checkedAt)),
      given.map((row) => row.latencyMs),
      given.map((row) => row.statusCode),
      given.map((row) => row.address),
      given.map((row) => row.error?.code ?? null),
      given.map((row) => row.error?.message ?? null),
    ],
  });
  return rows;
}

/** One row per monitor and region: an upsert may not touch a row twice. */
function newestPerRegion(statuses: readonly RegionStatus[]): RegionStatus[] {
  const newest = new Map<string, RegionStatus>();
  for (const status of statuses) {
    const key = `${status.monitorId} ${status.region}`;
    const other = newest.get(key);
    if (!other || isLater(status, other)) newest.set(key, status);
  }
  return [...newest.values()];
}

/** Whether `a` is of a later check than `b`, both of one monitor and region. */
export function isLater(a: RegionStatus, b: RegionStatus): boolean {
  return a.scheduledAt > b.scheduledAt || (a.scheduledAt === b.scheduledAt && a.attempt > b.attempt);
}

/** What becomes of a monitor that was judged again, as far as it has to be written. */
interface Decision extends VerdictChange {
  readonly staleAt: number | null;
}

/** What has to be written, of monitors whose rows are locked and all votes on them. */
function decide(locked: readonly Locked[], votes: readonly VoteRow[], judge: (subject: Case) => Judgement): Decision[] {
  const cast = groupBy(votes, ({ monitor_id }) => monitor_id);
  return locked.flatMap((before): Decision[] => {
    const { monitor_id: monitorId, verdict: from, policy, regions } = before;
    const { verdict: to, staleAt } = judge({
      monitorId,
      policy,
      regions,
      votes: (cast.get(monitorId) ?? []).map(({ region, status, scheduled_ms: scheduledAt }) => ({
        region,
        status,
        scheduledAt,
      })),
    });
    return from !== to || isDue(before, staleAt) ? [{ monitorId, from, to, staleAt }] : [];
  });
}

async function write(client: PostgresClient, decisions: readonly Decision[]): Promise<VerdictChange[]> {
  if (decisions.length === 0) return [];
  await client.query({
    name: "write_verdicts",
    text: `UPDATE monitor_status s
     SET verdict = n.verdict, stale_at = n.stale_at, since = CASE WHEN s.verdict = n.verdict THEN s.since ELSE clock_timestamp() END
     FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS n (monitor_id, verdict, stale_at)
     WHERE s.monitor_id = n.monitor_id`,
    values: [
      decisions.map(({ monitorId }) => monitorId),
      decisions.map(({ to }) => to),
      decisions.map(({ staleAt }) => (staleAt === null ? null : new Date(staleAt))),
    ],
  });
  return decisions.filter(({ from, to }) => from !== to).map(({ monitorId, from, to }) => ({ monitorId, from, to }));
}

/**
 * Whether the instant to judge again at has to be written. One that has moved on
 * need not be: at the earlier one it is looked at again, and nothing found stale.
 * That is one write per lifetime of a vote instead of one per result.
 */
function isDue({ stale_at, is_stale }: Pick<Locked, "stale_at" | "is_stale">, staleAt: number | null): boolean {
  if (is_stale || stale_at === null || staleAt === null) return (stale_at?.getTime() ?? null) !== staleAt;
  return staleAt < stale_at.getTime();
}

interface RegionRow {
  readonly monitor_id: string;
  readonly region: string;
  readonly status: ResultStatus;
  readonly scheduled_at: Date;
  readonly attempt: number;
  readonly checked_at: Date;
  readonly latency_ms: number;
  readonly status_code: number | null;
  readonly address: string | null;
  readonly error_code: string | null;
  readonly error_message: string | null;
}

function toRegionStatus(row: RegionRow): RegionStatus {
  return {
    monitorId: row.monitor_id,
    region: row.region,
    status: row.status,
    scheduledAt: row.scheduled_at.getTime(),
    attempt: row.attempt,
    checkedAt: row.checked_at.getTime(),
    latencyMs: row.latency_ms,
    statusCode: row.status_code,
    address: row.address,
    error: row.error_code === null ? null : { code: row.error_code, message: row.error_message ?? "" },
  };
}
