import { groupBy } from "../../shared/group-by.ts";
import type { MonitorSpec } from "../../shared/monitor.ts";
import type { ResultStatus } from "../../shared/result.ts";
import type { Course } from "../incidents/follow.ts";
import type { Incident } from "../incidents/incident.ts";
import type { Arrival, Ballot, Effect, Outcome, VerdictState } from "../verdict/state.ts";
import { initialState } from "../verdict/state.ts";
import type { Policy, Settled, Verdict } from "../verdict/verdict.ts";
import { latestIncidents, writeCourses } from "./incidents.ts";
import type { Postgres, PostgresClient } from "./postgres.ts";
import { inTransaction } from "./postgres.ts";
import type { RegionStatus } from "./status.ts";
import { readStatuses } from "./status.ts";

/** A vote as the machine sees it; one that has just come in brings the result that it is of. */
export type CastVote = Ballot & { readonly result: RegionResult | null };
/** A result as a vote, and when it reached the coordinator, in ms since the epoch. */
export type RegionResult = Omit<RegionStatus, "sideSince"> & { readonly receivedAt: number };
export type ResultArrival = Arrival<CastVote>;

/** Everything that a verdict depends on, as the database has it at one moment. */
export interface Case {
  readonly monitorId: string;
  readonly policy: Policy;
  readonly regions: MonitorSpec["regions"];
  readonly type: MonitorSpec["type"];
  readonly tags: readonly string[];
  /** When the monitor was last changed, in ms since the epoch. */
  readonly updatedAt: number;
  readonly state: VerdictState;
  readonly votes: readonly CastVote[];
  readonly arrivals: readonly ResultArrival[];
}

/** What the judge makes of a case. */
export type Judge = (subject: Case) => Outcome<CastVote>;
/**
 * What becomes of the monitor's incident; asked only where the verdict's machine did something. `stored` is the
 * latest result of each region before those that came in, which a vote without a result is of.
 */
export type Follow = (
  subject: Case,
  outcome: Outcome<CastVote>,
  incident: Incident | null,
  stored: readonly RegionStatus[],
) => Course;

/** A case that was judged, as far as others need to know. */
export interface Judged {
  readonly monitorId: string;
  readonly from: Verdict;
  readonly outcome: Outcome<CastVote>;
  readonly course: Course | null;
}

export interface VerdictStore {
  /**
   * Judges monitors on results that came in, in one transaction with all that follows
   * from it: votes, verdict, incident, timeline and what people are to be told. The
   * monitors' rows are locked, so that whichever coordinators ingest the regions, each
   * verdict is over all votes, and what happens, happens once.
   * @returns those of which something became.
   */
  judge(results: readonly RegionResult[], judge: Judge, follow: Follow): Promise<Judged[]>;
  /** Judges monitors again for which something falls due; at most `limit`, the longest overdue first. */
  judgeDue(limit: number, judge: Judge, follow: Follow): Promise<Judged[]>;
  /** Has these monitors judged again soon; null for all. */
  lookAgain(monitorIds: readonly string[] | null): Promise<void>;
  /** The monitors that are shown as in maintenance. */
  inMaintenance(): Promise<string[]>;
}

interface Locked {
  readonly monitor_id: string;
  readonly verdict: Verdict;
  readonly state: VerdictState | null;
  readonly due_ms: number | null;
  readonly is_due: boolean;
  readonly updated_ms: number;
  readonly policy: Policy;
  readonly regions: MonitorSpec["regions"];
  readonly type: MonitorSpec["type"];
  readonly tags: readonly string[];
}

const ms = (column: string): string => `(extract(epoch FROM ${column}) * 1000)::float8`;

const lockSql = `
  SELECT s.monitor_id, s.verdict, s.state, ${ms("s.due_at")} AS due_ms, coalesce(s.due_at <= now(), false) AS is_due,
         ${ms("m.updated_at")} AS updated_ms, m.spec->'regions' AS regions, m.type, m.spec->'tags' AS tags,
         jsonb_build_object('enabled', m.enabled, 'intervalMs', m.spec->'intervalMs',
                            'timeoutMs', m.spec->'timeoutMs', 'quorum', m.spec->'quorum') AS policy
  FROM monitor_status s JOIN monitors m ON m.id = s.monitor_id`;

export function createVerdictStore(postgres: Postgres): VerdictStore {
  return {
    judge: (results, judge, follow) =>
      inTransaction(postgres, async (client) => {
        // In one order everywhere, so that two flushes never wait for each other in a circle.
        const { rows } = await client.query<Locked>({
          name: "lock_cases",
          text: `${lockSql} WHERE s.monitor_id = ANY($1) ORDER BY s.monitor_id FOR UPDATE OF s`,
          values: [[...new Set(results.map(({ monitorId }) => monitorId))]],
        });
        return await decide(client, rows, results, judge, follow);
      }),
    judgeDue: (limit, judge, follow) =>
      inTransaction(postgres, async (client) => {
        const { rows } = await client.query<Locked>(
          `${lockSql} WHERE s.due_at <= now() ORDER BY s.due_at LIMIT $1 FOR UPDATE OF s SKIP LOCKED`,
          [limit],
        );
        return rows.length === 0 ? [] : await decide(client, rows, [], judge, follow);
      }),
    async lookAgain(monitorIds) {
      // Locked in the order that judging locks them in.
      await postgres.query(
        `UPDATE monitor_status s SET due_at = now()
         FROM (SELECT monitor_id FROM monitor_status
               WHERE ($1::text[] IS NULL OR monitor_id = ANY($1)) AND (due_at IS NULL OR due_at > now())
               ORDER BY monitor_id FOR UPDATE) AS concerned
         WHERE s.monitor_id = concerned.monitor_id`,
        [monitorIds],
      );
    },
    async inMaintenance() {
      const { rows } = await postgres.query<{ monitor_id: string }>(
        "SELECT monitor_id FROM monitor_status WHERE verdict = 'maintenance'",
      );
      return rows.map(({ monitor_id }) => monitor_id);
    },
  };
}

async function decide(
  client: PostgresClient,
  locked: readonly Locked[],
  results: readonly RegionResult[],
  judge: Judge,
  follow: Follow,
): Promise<Judged[]> {
  const votes = await readVotes(
    client,
    locked.map(({ monitor_id }) => monitor_id),
  );
  const byMonitor = groupBy(results, ({ monitorId }) => monitorId);
  const decided = locked.map((row) => {
    const before: Case = {
      monitorId: row.monitor_id,
      policy: row.policy,
      regions: row.regions,
      type: row.type,
      tags: row.tags,
      updatedAt: row.updated_ms,
      state: row.state ? { ...initialState, ...row.state } : stateOf(row.verdict),
      votes: votes.get(row.monitor_id) ?? [],
      // One of a check that was due before the monitor's current revision was about another target.
      arrivals: (byMonitor.get(row.monitor_id) ?? [])
        .filter(({ scheduledAt }) => scheduledAt >= row.updated_ms)
        .map(toArrival),
    };
    return { row, before, outcome: judge(before) };
  });
  const eventful = decided.filter(({ outcome }) => outcome.effects.some(({ type }) => !unfollowed.has(type)));
  const stored = await readStored(client, eventful);
  await writeVotes(
    client,
    decided.flatMap(({ outcome }) =>
      outcome.votes.flatMap(({ result, sideSince }) => (result ? { ...result, sideSince } : [])),
    ),
  );
  await writeStates(client, decided);
  await writeHolds(client, decided);
  const courses = await followAll(client, eventful, stored, follow);
  await writeCourses(client, [...courses.values()]);
  return decided
    .filter(({ outcome }) => outcome.effects.length > 0)
    .map(({ row, outcome }) => ({
      monitorId: row.monitor_id,
      from: row.verdict,
      outcome,
      course: courses.get(row.monitor_id) ?? null,
    }));
}

/** What the machine does that nothing becomes of in an incident. */
const unfollowed: ReadonlySet<Effect<CastVote>["type"]> = new Set(["confirm", "held", "released"]);

interface Decided {
  readonly row: Locked;
  readonly before: Case;
  readonly outcome: Outcome<CastVote>;
}

/** What a monitor that was last judged by an earlier version is taken to be. */
function stateOf(verdict: Verdict): VerdictState {
  const settled: Settled = verdict === "paused" || verdict === "maintenance" ? "unknown" : verdict;
  return { ...initialState, verdict, settled };
}

function toArrival(result: RegionResult): ResultArrival {
  const { region, status, scheduledAt, attempt, checkedAt, receivedAt } = result;
  return { region, status, scheduledAt, attempt, checkedAt, receivedAt, result };
}

async function readVotes(client: PostgresClient, monitorIds: readonly string[]): Promise<Map<string, CastVote[]>> {
  const { rows } = await client.query<{
    monitor_id: string;
    region: string;
    status: ResultStatus;
    attempt: number;
    scheduled_ms: number;
    checked_ms: number;
    since_ms: number;
  }>({
    name: "votes",
    text: `SELECT monitor_id, region, status, attempt, ${ms("scheduled_at")} AS scheduled_ms,
                  ${ms("checked_at")} AS checked_ms, ${ms("side_since")} AS since_ms
           FROM monitor_region_status WHERE monitor_id = ANY($1)`,
    values: [monitorIds],
  });
  const votes = rows.map((row) => ({
    monitorId: row.monitor_id,
    vote: {
      region: row.region,
      status: row.status,
      attempt: row.attempt,
      scheduledAt: Math.round(row.scheduled_ms),
      checkedAt: Math.round(row.checked_ms),
      sideSince: Math.round(row.since_ms),
      result: null,
    } satisfies CastVote,
  }));
  return new Map(
    [...groupBy(votes, ({ monitorId }) => monitorId)].map(([id, own]) => [id, own.map(({ vote }) => vote)]),
  );
}

/** The rows are locked by way of their monitors', so what is given is newer than what is there. */
async function writeVotes(client: PostgresClient, rows: readonly RegionStatus[]): Promise<void> {
  if (rows.length === 0) return;
  await client.query({
    name: "write_votes",
    text: `INSERT INTO monitor_region_status
       (monitor_id, region, status, scheduled_at, attempt, checked_at, side_since, latency_ms, status_code, address, phase, certificate, error_code, error_message, certificate_expires_at)
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::bigint[], $6::timestamptz[], $7::timestamptz[],
                          $8::real[], $9::integer[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::timestamptz[])
     ON CONFLICT (monitor_id, region) DO UPDATE SET
       status = excluded.status, scheduled_at = excluded.scheduled_at, attempt = excluded.attempt,
       checked_at = excluded.checked_at, side_since = excluded.side_since, latency_ms = excluded.latency_ms,
       status_code = excluded.status_code, address = excluded.address, phase = excluded.phase,
       certificate = excluded.certificate, certificate_expires_at = excluded.certificate_expires_at, error_code = excluded.error_code, error_message = excluded.error_message`,
    values: [
      rows.map((row) => row.monitorId),
      rows.map((row) => row.region),
      rows.map((row) => row.status),
      rows.map((row) => new Date(row.scheduledAt)),
      rows.map((row) => row.attempt),
      rows.map((row) => new Date(row.checkedAt)),
      rows.map((row) => new Date(row.sideSince)),
      rows.map((row) => row.latencyMs),
      rows.map((row) => row.statusCode),
      rows.map((row) => row.address),
      rows.map((row) => row.phase),
      rows.map((row) => row.certificate),
      rows.map((row) => row.error?.code ?? null),
      rows.map((row) => row.error?.message ?? null),
      rows.map((row) => (row.certificateExpiresAt === null ? null : new Date(row.certificateExpiresAt))),
    ],
  });
}

async function writeStates(client: PostgresClient, decided: readonly Decided[]): Promise<void> {
  const changed = decided.filter(
    ({ row, before, outcome }) => isChanged(before.state, outcome.state) || isDue(row, outcome.dueAt),
  );
  if (changed.length === 0) return;
  await client.query({
    name: "write_states",
    text: `UPDATE monitor_status s
     SET verdict = n.verdict, state = n.state, due_at = n.due_at,
         since = CASE WHEN s.verdict = n.verdict THEN s.since ELSE n.at END
     FROM unnest($1::text[], $2::text[], $3::jsonb[], $4::timestamptz[], $5::timestamptz[]) AS n (monitor_id, verdict, state, due_at, at)
     WHERE s.monitor_id = n.monitor_id`,
    values: [
      changed.map(({ row }) => row.monitor_id),
      changed.map(({ outcome }) => outcome.state.verdict),
      changed.map(({ outcome }) => JSON.stringify(outcome.state)),
      changed.map(({ outcome }) => (outcome.dueAt === null ? null : new Date(outcome.dueAt))),
      changed.map(({ outcome }) => new Date(outcome.state.at)),
    ],
  });
  const turned = changed.filter(({ row, outcome }) => row.verdict !== outcome.state.verdict);
  if (turned.length === 0) return;
  await client.query(
    "INSERT INTO verdict_changes (monitor_id, at, verdict) SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::text[])",
    [
      turned.map(({ row }) => row.monitor_id),
      turned.map(({ outcome }) => new Date(outcome.state.at)),
      turned.map(({ outcome }) => outcome.state.verdict),
    ],
  );
}

/** Keeps what was held back for the sake of suspect regions, which is nowhere else, for whoever judges it again. */
async function writeHolds(client: PostgresClient, decided: readonly Decided[]): Promise<void> {
  for (const { row, outcome } of decided) {
    for (const effect of outcome.effects) {
      if (effect.type === "held") {
        await client.query(
          `INSERT INTO verdict_holds (monitor_id, from_at, to_at, regions) VALUES ($1, $2, $3, $4)
           ON CONFLICT (monitor_id, from_at) DO UPDATE SET regions = excluded.regions`,
          [row.monitor_id, new Date(effect.since), new Date(effect.until), effect.regions],
        );
      } else if (effect.type === "released") {
        await client.query("UPDATE verdict_holds SET to_at = $3 WHERE monitor_id = $1 AND from_at = $2", [
          row.monitor_id,
          new Date(effect.since),
          new Date(effect.at),
        ]);
      }
    }
  }
}

/** The time of the last event alone is not worth a write. */
function isChanged(before: VerdictState, after: VerdictState): boolean {
  return (Object.keys(after) as Array<keyof VerdictState>).some((key) => key !== "at" && before[key] !== after[key]);
}

/**
 * Whether the instant to judge again at has to be written. One that has moved on
 * need not be: at the earlier one it is looked at again, and nothing found due.
 * That is one write per lifetime of a vote instead of one per result.
 */
function isDue({ due_ms, is_due }: Pick<Locked, "due_ms" | "is_due">, dueAt: number | null): boolean {
  if (is_due || due_ms === null || dueAt === null) return due_ms !== dueAt;
  return dueAt < due_ms;
}

type Stored = ReadonlyMap<string, readonly RegionStatus[]>;

async function readStored(client: PostgresClient, eventful: readonly Decided[]): Promise<Stored> {
  if (eventful.length === 0) return new Map();
  const statuses = await readStatuses(
    client,
    eventful.map(({ row }) => row.monitor_id),
  );
  return groupBy(statuses, ({ monitorId }) => monitorId);
}

async function followAll(
  client: PostgresClient,
  eventful: readonly Decided[],
  stored: Stored,
  follow: Follow,
): Promise<Map<string, Course>> {
  if (eventful.length === 0) return new Map();
  const incidents = await latestIncidents(
    client,
    eventful.map(({ row }) => row.monitor_id),
  );
  return new Map(
    eventful.map(({ before: { monitorId }, before, outcome }) => [
      monitorId,
      follow(before, outcome, incidents.get(monitorId) ?? null, stored.get(monitorId) ?? []),
    ]),
  );
}
