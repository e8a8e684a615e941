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
];
