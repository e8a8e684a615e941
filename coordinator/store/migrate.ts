import { setTimeout as sleep } from "node:timers/promises";
import type { ClickHouse } from "./clickhouse.ts";
import { clickhouseMigrations } from "./migrations/clickhouse.ts";
import { postgresMigrations } from "./migrations/postgres.ts";
import type { Postgres, PostgresClient } from "./postgres.ts";
import { inTransaction } from "./postgres.ts";

/** Any constant serves; this one is the letters "watchpst". */
const MIGRATION_LOCK = 0x77617463;

/** So long may migrating both stores take, or another coordinator's doing so be waited for, in ms. */
const MIGRATION_DEADLINE_MS = 120_000;
const LOCK_EVERY_MS = 100;

/** How long results, and what they come to per minute, hour and day, are kept; in days. */
export interface KeepDays {
  readonly results: number;
  readonly minutes: number;
  readonly hours: number;
  readonly days: number;
}

/**
 * Brings both stores up to date. Coordinators that start at the same time wait for
 * each other at one advisory lock in PostgreSQL, which guards ClickHouse's schema
 * as well.
 * @throws Error when a store was migrated by a newer release.
 */
export async function migrate(postgres: Postgres, clickhouse: ClickHouse, keep: KeepDays): Promise<void> {
  await inTransaction(postgres, async (client) => {
    // It stays open, and idle, while ClickHouse is at work, and while another coordinator has the lock.
    await client.query(`SET LOCAL idle_in_transaction_session_timeout = ${MIGRATION_DEADLINE_MS}`);
    await takeLock(client);
    await migratePostgres(client);
    await migrateClickHouse(clickhouse);
    await keepFor(clickhouse, keep);
  });
}

/** Asks again and again: one statement that waits would run into its own timeout. */
async function takeLock(client: PostgresClient): Promise<void> {
  const end = performance.now() + MIGRATION_DEADLINE_MS;
  for (;;) {
    const { rows } = await client.query<{ taken: boolean }>("SELECT pg_try_advisory_xact_lock($1) AS taken", [
      MIGRATION_LOCK,
    ]);
    if (rows[0]?.taken) return;
    if (performance.now() > end) throw new Error("another coordinator has been migrating the stores for too long");
    await sleep(LOCK_EVERY_MS);
  }
}

async function migratePostgres(client: PostgresClient): Promise<void> {
  await client.query(
    "CREATE TABLE IF NOT EXISTS migrations (step integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())",
  );
  const { rows } = await client.query<{ step: number }>("SELECT coalesce(max(step), 0) AS step FROM migrations");
  for (const [step, statements] of pending("PostgreSQL", rows[0]?.step ?? 0, postgresMigrations)) {
    await client.query(statements);
    await client.query("INSERT INTO migrations (step) VALUES ($1)", [step]);
  }
}

async function migrateClickHouse(clickhouse: ClickHouse): Promise<void> {
  await clickhouse.command({
    query:
      "CREATE TABLE IF NOT EXISTS migrations (step UInt32, applied_at DateTime DEFAULT now()) ENGINE = MergeTree ORDER BY step",
  });
  const answer = await clickhouse.query({ query: "SELECT max(step) AS step FROM migrations", format: "JSONEachRow" });
  const [row] = await answer.json<{ step: number }>();
  for (const [step, statements] of pending("ClickHouse", row?.step ?? 0, clickhouseMigrations)) {
    for (const query of statements) await clickhouse.command({ query });
    await clickhouse.insert({ table: "migrations", values: [{ step }], format: "JSONEachRow" });
  }
}

function pending<T>(store: string, done: number, known: readonly T[]): Array<[step: number, T]> {
  if (done > known.length) {
    throw new Error(
      `${store} is at schema step ${done}, made by a newer Watchpost than this one (step ${known.length})`,
    );
  }
  return known.map((statements, index): [number, T] => [index + 1, statements]).slice(done);
}

/** Sets how long rows are kept, where that differs from what the tables say: the change rewrites metadata. */
async function keepFor(clickhouse: ClickHouse, keep: KeepDays): Promise<void> {
  const answer = await clickhouse.query({
    query: "SELECT name, engine_full FROM system.tables WHERE database = currentDatabase()",
    format: "JSONEachRow",
  });
  const tables = await answer.json<{ name: string; engine_full: string }>();
  for (const [table, time, days] of lifetimes(keep)) {
    const engine = tables.find(({ name }) => name === table)?.engine_full ?? "";
    if (engine.includes(`toIntervalDay(${days})`)) continue;
    await clickhouse.command({
      query: `ALTER TABLE ${table} MODIFY TTL ${time} + INTERVAL ${days} DAY`,
      clickhouse_settings: { materialize_ttl_after_modify: 0 },
    });
  }
}

/** What is summed up outlives what it was made of: the ends of a window are read from the finer table. */
function lifetimes({ results, minutes, hours, days }: KeepDays): Array<[table: string, time: string, days: number]> {
  return [
    ["results", "toDateTime(scheduled_at)", results],
    ["misses", "toDateTime(scheduled_at)", results],
    ["results_minutes", "at", Math.max(results, minutes)],
    ["results_hours", "at", Math.max(results, minutes, hours)],
    ["results_days", "at", Math.max(results, minutes, hours, days)],
  ];
}
