/** Of each table; at four inserts a second this is 40 minutes. */
const REMEMBERED_INSERTS = 10_000;

type Rollup = "minutes" | "hours" | "days";
const startOf = { minutes: "toStartOfMinute", hours: "toStartOfHour", days: "toStartOfDay" } as const;

const sumsOf = (name: Rollup, from: string): string => `
  SELECT monitor_id, region, ${startOf[name]}(toDateTime(scheduled_at, 'UTC')) AS at,
         countIf(attempt = 0) AS scheduled,
         countIf(status = 'up') AS up, countIf(status = 'degraded') AS degraded,
         countIf(status = 'down') AS down, countIf(status = 'error') AS error,
         sumIf(toFloat64(latency_ms), status != 'error') AS latency_sum,
         maxIf(toFloat32(latency_ms), status != 'error') AS latency_max,
         quantilesTDigestStateIf(0.5, 0.95, 0.99)(toFloat32(latency_ms), status != 'error') AS latency
  FROM ${from} GROUP BY monitor_id, region, at`;

/**
 * What the results of each monitor and region come to per minute, hour or day, kept
 * by ClickHouse as rows are inserted. Rows from before are counted in first; the
 * table is emptied before that, so that the step can be repeated. A view sees what
 * is inserted and not what a merge replaces: rows must be new when they are inserted.
 */
function rollup(name: Rollup): string[] {
  return [
    `
    CREATE TABLE IF NOT EXISTS results_${name} (
      monitor_id String CODEC(ZSTD(1)),
      region LowCardinality(String),
      at DateTime('UTC') CODEC(Delta, ZSTD(1)),
      scheduled SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
      up SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
      degraded SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
      down SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
      error SimpleAggregateFunction(sum, UInt64) CODEC(T64, ZSTD(1)),
      latency_sum SimpleAggregateFunction(sum, Float64) CODEC(ZSTD(1)),
      latency_max SimpleAggregateFunction(max, Float32) CODEC(ZSTD(1)),
      latency AggregateFunction(quantilesTDigest(0.5, 0.95, 0.99), Float32) CODEC(ZSTD(1))
    )
    ENGINE = AggregatingMergeTree
    PARTITION BY ${name === "minutes" ? "toYYYYMM(at)" : "toYear(at)"}
    ORDER BY (monitor_id, at, region)
    TTL at + INTERVAL 3650 DAY
    SETTINGS index_granularity = 1024, non_replicated_deduplication_window = ${REMEMBERED_INSERTS}
    `,
    `DROP VIEW IF EXISTS results_into_${name}`,
    `TRUNCATE TABLE results_${name}`,
    `INSERT INTO results_${name} ${sumsOf(name, "results FINAL")}`,
    `CREATE MATERIALIZED VIEW results_into_${name} TO results_${name} AS ${sumsOf(name, "results")}`,
  ];
}

/**
 * The schema of ClickHouse, as steps that are applied once each, in order; each
 * step is a list of statements. Every statement can be repeated, because
 * ClickHouse has no transactions over them. A step that has been released is
 * never changed: a change is a new step.
 */
export const clickhouseMigrations: ReadonlyArray<readonly string[]> = [
  [
    // The sorting key identifies a check, so that a repeated result replaces itself
    // when parts merge; until then queries count it once by LIMIT 1 BY the same key.
    `
    CREATE TABLE IF NOT EXISTS results (
      monitor_id String CODEC(ZSTD(1)),
      scheduled_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
      region LowCardinality(String),
      round UInt64 CODEC(Delta, ZSTD(1)),
      attempt UInt32 CODEC(ZSTD(1)),
      agent_id LowCardinality(String),
      started_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
      received_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
      lateness_ms Float32 CODEC(ZSTD(1)),
      status Enum8('up' = 1, 'degraded' = 2, 'down' = 3, 'error' = 4),
      latency_ms Float32 CODEC(ZSTD(1)),
      dns_ms Nullable(Float32) CODEC(ZSTD(1)),
      connect_ms Nullable(Float32) CODEC(ZSTD(1)),
      tls_ms Nullable(Float32) CODEC(ZSTD(1)),
      first_byte_ms Nullable(Float32) CODEC(ZSTD(1)),
      transfer_ms Nullable(Float32) CODEC(ZSTD(1)),
      status_code Nullable(UInt16) CODEC(ZSTD(1)),
      address LowCardinality(Nullable(String)),
      body_bytes Nullable(UInt32) CODEC(ZSTD(1)),
      error_code LowCardinality(Nullable(String)),
      error_message String CODEC(ZSTD(1)),
      failed_assertions Array(String) CODEC(ZSTD(1))
    )
    ENGINE = ReplacingMergeTree
    PARTITION BY toYYYYMM(scheduled_at)
    ORDER BY (monitor_id, scheduled_at, region, round, attempt)
    TTL toDateTime(scheduled_at) + INTERVAL 90 DAY
    SETTINGS ttl_only_drop_parts = 0
    `,
    `
    CREATE TABLE IF NOT EXISTS misses (
      monitor_id String CODEC(ZSTD(1)),
      scheduled_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
      region LowCardinality(String),
      round UInt64 CODEC(Delta, ZSTD(1)),
      attempt UInt32 CODEC(ZSTD(1)),
      reason Enum8('no_agent' = 1, 'expired' = 2, 'backlog' = 3, 'coordinator_down' = 4)
    )
    ENGINE = ReplacingMergeTree
    PARTITION BY toYYYYMM(scheduled_at)
    ORDER BY (monitor_id, scheduled_at, region, round, attempt)
    TTL toDateTime(scheduled_at) + INTERVAL 90 DAY
    `,
  ],
  [
    // The tokens of so many inserts are remembered, over restarts too: an insert that is
    // repeated, because its answer was lost, is no second one. See insertBlock.
    `ALTER TABLE results MODIFY SETTING non_replicated_deduplication_window = ${REMEMBERED_INSERTS}`,
    `ALTER TABLE misses MODIFY SETTING non_replicated_deduplication_window = ${REMEMBERED_INSERTS}`,
    ...rollup("minutes"),
    ...rollup("hours"),
    ...rollup("days"),
  ],
  [
    // Durations are whole microseconds: as such, without the bits that are always 0, they take
    // half of what they take as floating-point numbers. See docs/performance.md.
    ...(["minutes", "hours", "days"] as const).map(
      (name) => `ALTER TABLE results_into_${name} MODIFY QUERY ${sumsOf(name, "results")}`,
    ),
    `ALTER TABLE results
       MODIFY COLUMN lateness_ms Decimal64(3) CODEC(T64('bit'), ZSTD(1)),
       MODIFY COLUMN latency_ms Decimal64(3) CODEC(T64('bit'), ZSTD(1)),
       MODIFY COLUMN dns_ms Nullable(Decimal64(3)) CODEC(T64('bit'), ZSTD(1)),
       MODIFY COLUMN connect_ms Nullable(Decimal64(3)) CODEC(T64('bit'), ZSTD(1)),
       MODIFY COLUMN tls_ms Nullable(Decimal64(3)) CODEC(T64('bit'), ZSTD(1)),
       MODIFY COLUMN first_byte_ms Nullable(Decimal64(3)) CODEC(T64('bit'), ZSTD(1)),
       MODIFY COLUMN transfer_ms Nullable(Decimal64(3)) CODEC(T64('bit'), ZSTD(1)),
       MODIFY COLUMN body_bytes Nullable(UInt32) CODEC(T64, ZSTD(1))`,
  ],
];
