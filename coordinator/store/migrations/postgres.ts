/**
 * The schema of PostgreSQL, as steps that are applied once each, in order. A step
 * that has been released is never changed: a change is a new step.
 */
export const postgresMigrations: readonly string[] = [
  `
  CREATE TABLE regions (
    region text PRIMARY KEY,
    created_at timestamptz(3) NOT NULL DEFAULT now()
  );

  -- The document is the truth; the columns beside it are for people and indexes.
  CREATE TABLE monitors (
    id text PRIMARY KEY,
    revision integer NOT NULL DEFAULT 1,
    spec jsonb NOT NULL,
    name text GENERATED ALWAYS AS (spec->>'name') STORED,
    type text GENERATED ALWAYS AS (spec->>'type') STORED,
    enabled boolean GENERATED ALWAYS AS ((spec->>'enabled')::boolean) STORED,
    interval_seconds integer GENERATED ALWAYS AS ((spec->>'intervalMs')::integer / 1000) STORED,
    created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz(3) NOT NULL DEFAULT clock_timestamp()
  );
  CREATE INDEX monitors_by_creation ON monitors (created_at, id);

  -- What was scheduled when, for ever: spec is null from the instant of deletion.
  CREATE TABLE monitor_revisions (
    monitor_id text NOT NULL,
    revision integer NOT NULL,
    spec jsonb,
    valid_from timestamptz(3) NOT NULL,
    PRIMARY KEY (monitor_id, revision)
  );

  CREATE TABLE monitor_status (
    monitor_id text PRIMARY KEY REFERENCES monitors (id) ON DELETE CASCADE,
    verdict text NOT NULL DEFAULT 'unknown',
    since timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    -- When the verdict has to be looked at again though nothing arrives: a vote goes stale.
    stale_at timestamptz(3)
  );
  CREATE INDEX monitor_status_by_staleness ON monitor_status (stale_at) WHERE stale_at IS NOT NULL;

  CREATE TABLE monitor_region_status (
    monitor_id text NOT NULL REFERENCES monitors (id) ON DELETE CASCADE,
    region text NOT NULL,
    status text NOT NULL,
    scheduled_at timestamptz(3) NOT NULL,
    attempt bigint NOT NULL,
    checked_at timestamptz(3) NOT NULL,
    latency_ms real NOT NULL,
    status_code integer,
    address text,
    error_code text,
    error_message text,
    PRIMARY KEY (monitor_id, region)
  ) WITH (fillfactor = 70);

  CREATE TABLE agents (
    id text PRIMARY KEY,
    region text NOT NULL,
    version text NOT NULL,
    host text NOT NULL,
    node text NOT NULL,
    draining boolean NOT NULL DEFAULT false,
    load jsonb,
    first_seen_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    last_seen_at timestamptz(3) NOT NULL
  );
  CREATE INDEX agents_by_last_seen ON agents (last_seen_at);

  CREATE FUNCTION notify_monitor_change() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    PERFORM pg_notify('watchpost_monitors', coalesce(NEW.id, OLD.id));
    RETURN NULL;
  END $$;
  CREATE TRIGGER monitors_changed AFTER INSERT OR UPDATE OR DELETE ON monitors
    FOR EACH ROW EXECUTE FUNCTION notify_monitor_change();

  CREATE FUNCTION notify_region_change() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    PERFORM pg_notify('watchpost_regions', NEW.region);
    RETURN NULL;
  END $$;
  CREATE TRIGGER regions_changed AFTER INSERT ON regions
    FOR EACH ROW EXECUTE FUNCTION notify_region_change();
  `,
  `
  -- Who dispatches which part of the monitors, and up to which slot that has been done.
  CREATE TABLE shards (
    shard smallint PRIMARY KEY,
    coordinator text,
    leased_until timestamptz(3),
    -- The last slot that was dispatched or given up; null before the first.
    watermark bigint
  );
  INSERT INTO shards (shard) SELECT generate_series(0, 15);

  -- Coordinators that dispatch, so that each knows its fair share.
  CREATE TABLE coordinators (
    id text PRIMARY KEY,
    seen_at timestamptz(3) NOT NULL
  );

  -- Slots that nobody dispatched, because no coordinator was there.
  CREATE TABLE shard_gaps (
    shard smallint NOT NULL,
    from_slot bigint NOT NULL,
    to_slot bigint NOT NULL,
    PRIMARY KEY (shard, from_slot)
  );
  CREATE INDEX shard_gaps_by_end ON shard_gaps (shard, to_slot);
  `,
  `
  -- A region that was retired may come back, with a row of its own: what was scheduled when stays known.
  ALTER TABLE regions DROP CONSTRAINT regions_pkey, ADD PRIMARY KEY (region, created_at),
    ADD COLUMN retired_at timestamptz(3);
  ALTER TABLE regions ALTER COLUMN created_at SET DEFAULT clock_timestamp();
  CREATE UNIQUE INDEX regions_that_are ON regions (region) WHERE retired_at IS NULL;
  DROP TRIGGER regions_changed ON regions;
  CREATE TRIGGER regions_changed AFTER INSERT OR UPDATE ON regions
    FOR EACH ROW EXECUTE FUNCTION notify_region_change();
  `,
];
