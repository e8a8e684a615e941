import { createClient } from "@clickhouse/client";
import { type Job, Queue, Worker } from "bullmq";
import { Redis } from "ioredis";
import pg from "pg";
import { Agent, request } from "undici";

/**
 * The design that the project began from, in one process: a BullMQ job scheduler
 * per monitor, and a worker that makes each check over a fresh connection, inserts
 * one row into ClickHouse and updates one row in PostgreSQL.
 */
const env = process.env as Record<
  "REDIS_URL" | "DATABASE_URL" | "CLICKHOUSE_URL" | "TARGET_URL" | "MONITORS" | "CONCURRENCY",
  string
>;
const monitors = Number(env.MONITORS);
const queueName = "seed";

const clickhouse = createClient({ url: env.CLICKHOUSE_URL, max_open_connections: 10 });
const postgres = new pg.Pool({ connectionString: env.DATABASE_URL, max: 10 });
// Without keep-alive: the cheapest way in undici's own pool to a fresh connection per request.
const dispatcher = new Agent({ pipelining: 0 });

interface SeedCheck {
  readonly monitor: string;
  readonly url: string;
}

async function check(job: Job<SeedCheck>): Promise<void> {
  const startedAt = Date.now();
  const scheduledAt = job.timestamp + (job.opts.delay ?? 0);
  const began = performance.now();
  let status = "up";
  let statusCode = 0;
  try {
    const response = await request(job.data.url, { dispatcher, headersTimeout: 1_000, bodyTimeout: 1_000 });
    await response.body.dump();
    statusCode = response.statusCode;
    if (statusCode !== 200) status = "down";
  } catch {
    status = "down";
  }
  const latencyMs = performance.now() - began;
  const { monitor } = job.data;
  await clickhouse.insert({
    table: "seed_results",
    values: [
      {
        monitor_id: monitor,
        scheduled_at: scheduledAt,
        started_at: startedAt,
        stored_at: Date.now(),
        status,
        status_code: statusCode,
        latency_ms: latencyMs,
      },
    ],
    format: "JSONEachRow",
  });
  await postgres.query(
    "UPDATE seed_monitors SET status = $2, checked_at = to_timestamp($3 / 1000.0), latency_ms = $4 WHERE id = $1",
    [monitor, status, startedAt, latencyMs],
  );
}

async function main(): Promise<void> {
  await clickhouse.command({ query: "DROP TABLE IF EXISTS seed_results SYNC" });
  await clickhouse.command({
    query: `CREATE TABLE seed_results (
      monitor_id String, scheduled_at DateTime64(3, 'UTC'), started_at DateTime64(3, 'UTC'), stored_at DateTime64(3, 'UTC'),
      status LowCardinality(String), status_code UInt16, latency_ms Float32
    ) ENGINE = MergeTree ORDER BY (monitor_id, scheduled_at)`,
  });
  await postgres.query(`DROP TABLE IF EXISTS seed_monitors;
    CREATE TABLE seed_monitors (
      id text PRIMARY KEY, url text NOT NULL, status text, checked_at timestamptz, latency_ms real
    ) WITH (fillfactor = 70)`);
  const names = Array.from({ length: monitors }, (_, n) => `monitor-${n}`);
  await postgres.query("INSERT INTO seed_monitors (id, url) SELECT unnest($1::text[]), $2", [names, env.TARGET_URL]);

  const { hostname: host, port, password } = new URL(env.REDIS_URL);
  const connection = new Redis({ host, port: Number(port), password, maxRetriesPerRequest: null });
  const queue = new Queue<SeedCheck>(queueName, { connection });
  await queue.obliterate({ force: true });
  const begin = Date.now() + 500;
  await Promise.all(
    names.map((monitor, n) =>
      queue.upsertJobScheduler(
        monitor,
        // Spread over the interval, as ours are.
        { every: 1_000, startDate: begin + Math.floor((n * 1_000) / monitors) },
        {
          name: "check",
          data: { monitor, url: env.TARGET_URL },
          opts: { attempts: 3, removeOnComplete: { count: 1_000 }, removeOnFail: { count: 1_000 } },
        },
      ),
    ),
  );
  const worker = new Worker<SeedCheck>(queueName, check, {
    connection: connection.duplicate(),
    concurrency: Number(env.CONCURRENCY),
  });
  const failures = new Set<string>();
  worker.on("failed", (_, thrown) => {
    if (failures.size < 20 && !failures.has(thrown.message)) process.stderr.write(`${thrown.message}\n`);
    failures.add(thrown.message);
  });
  worker.on("error", (thrown) => process.stderr.write(`${thrown.message}\n`));
  await worker.waitUntilReady();
  process.send?.("ready");
}

process.on("disconnect", () => process.exit(0));
// What it leaves in Redis goes when the next one begins, and with Redis itself.
process.on("SIGTERM", () => process.exit(0));
await main();
