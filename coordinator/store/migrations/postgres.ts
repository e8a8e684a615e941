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
  `
  -- What the verdict's machine remembers; the columns beside it are for people and indexes.
  ALTER TABLE monitor_status ADD COLUMN state jsonb;
  ALTER TABLE monitor_status RENAME COLUMN stale_at TO due_at;
  ALTER INDEX monitor_status_by_staleness RENAME TO monitor_status_by_due;

  ALTER TABLE monitor_region_status
    ADD COLUMN side_since timestamptz(3),
    ADD COLUMN phase text,
    ADD COLUMN certificate text,
    ADD COLUMN certificate_expires_at timestamptz(3);
  CREATE INDEX certificates_by_expiry ON monitor_region_status (certificate_expires_at) WHERE certificate_expires_at IS NOT NULL;
  UPDATE monitor_region_status SET side_since = checked_at;
  UPDATE monitors SET spec = '{"tags": [], "dependsOn": [], "slo": null}'::jsonb || spec;
  ALTER TABLE monitor_region_status ALTER COLUMN side_since SET NOT NULL;
  -- What has just begun to fail. A vote that is merely renewed does not touch it.
  CREATE INDEX monitor_region_status_turned ON monitor_region_status (side_since) WHERE status IN ('down', 'degraded');

  -- No foreign keys to monitors: what happened stays when a monitor is gone.
  CREATE TABLE incidents (
    id text PRIMARY KEY,
    monitor_id text,
    region text,
    kind text NOT NULL,
    level text NOT NULL,
    started_at timestamptz(3) NOT NULL,
    detected_at timestamptz(3) NOT NULL,
    confirmed_at timestamptz(3) NOT NULL,
    recovered_at timestamptz(3),
    resolved_at timestamptz(3),
    resolution text,
    acknowledged_at timestamptz(3),
    acknowledged_by text,
    reopened integer NOT NULL DEFAULT 0,
    notices integer NOT NULL DEFAULT 0,
    evidence jsonb NOT NULL,
    CHECK ((monitor_id IS NULL) <> (region IS NULL))
  );
  CREATE UNIQUE INDEX incidents_open_monitor ON incidents (monitor_id) WHERE resolved_at IS NULL AND monitor_id IS NOT NULL;
  CREATE UNIQUE INDEX incidents_open_region ON incidents (region) WHERE resolved_at IS NULL AND region IS NOT NULL;
  CREATE INDEX incidents_by_start ON incidents (started_at DESC, id DESC);
  CREATE INDEX incidents_of_monitor ON incidents (monitor_id, started_at DESC);

  -- The course of incidents, and of monitors beside them.
  CREATE TABLE timeline (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz(3) NOT NULL,
    type text NOT NULL,
    monitor_id text,
    incident_id text,
    data jsonb NOT NULL DEFAULT '{}'
  );
  CREATE INDEX timeline_of_incident ON timeline (incident_id, at) WHERE incident_id IS NOT NULL;
  CREATE INDEX timeline_of_monitor ON timeline (monitor_id, at);

  -- Every verdict that people were shown and since when, for ever: uptime and its outages are counted from it.
  CREATE TABLE verdict_changes (
    monitor_id text NOT NULL,
    at timestamptz(3) NOT NULL,
    verdict text NOT NULL
  );
  CREATE INDEX verdict_changes_of_monitor ON verdict_changes (monitor_id, at);
  INSERT INTO verdict_changes (monitor_id, at, verdict) SELECT monitor_id, since, verdict FROM monitor_status;

  -- For those who look on: which entry was added, and which monitor is to be seen otherwise.
  CREATE FUNCTION notify_timeline() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    PERFORM pg_notify('watchpost_live', 'entry ' || NEW.id);
    RETURN NULL;
  END $$;
  CREATE TRIGGER timeline_added AFTER INSERT ON timeline FOR EACH ROW EXECUTE FUNCTION notify_timeline();
  CREATE FUNCTION notify_status() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    PERFORM pg_notify('watchpost_live', 'status ' || NEW.monitor_id);
    RETURN NULL;
  END $$;
  CREATE TRIGGER status_added AFTER INSERT ON monitor_status FOR EACH ROW EXECUTE FUNCTION notify_status();
  CREATE TRIGGER status_changed AFTER UPDATE ON monitor_status FOR EACH ROW
    WHEN (OLD.verdict <> NEW.verdict
          OR (OLD.state->'doubt' <> 'null') IS DISTINCT FROM (NEW.state->'doubt' <> 'null')
          OR OLD.state->'flapping' IS DISTINCT FROM NEW.state->'flapping')
    EXECUTE FUNCTION notify_status();

  -- The outbox: what people are to be told, written with what it tells of in one transaction.
  CREATE TABLE notices (
    id text PRIMARY KEY,
    at timestamptz(3) NOT NULL,
    event text NOT NULL,
    monitor_id text,
    region text,
    incident_id text,
    -- What it tells, as it was then.
    content jsonb NOT NULL,
    -- When it was decided who is told; null while that is to be done.
    routed_at timestamptz(3)
  );
  CREATE INDEX notices_unrouted ON notices (at) WHERE routed_at IS NULL;
  CREATE INDEX notices_of_incident ON notices (incident_id) WHERE incident_id IS NOT NULL;

  CREATE FUNCTION notify_notice() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    PERFORM pg_notify('watchpost_notices', '');
    RETURN NULL;
  END $$;
  CREATE TRIGGER notices_added AFTER INSERT ON notices FOR EACH STATEMENT EXECUTE FUNCTION notify_notice();

  CREATE TABLE channels (
    id text PRIMARY KEY,
    name text NOT NULL UNIQUE,
    type text NOT NULL,
    settings jsonb NOT NULL,
    enabled boolean NOT NULL DEFAULT true,
    created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz(3) NOT NULL DEFAULT clock_timestamp()
  );

  -- Who is told of what.
  CREATE TABLE alert_rules (
    id text PRIMARY KEY,
    spec jsonb NOT NULL,
    created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz(3) NOT NULL DEFAULT clock_timestamp()
  );

  -- One message to one channel: planned, queued, sending, then sent, failed, cancelled or merged into another.
  CREATE TABLE deliveries (
    id text PRIMARY KEY,
    channel_id text NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    rule_id text,
    notice_id text,
    incident_id text,
    monitor_id text,
    event text NOT NULL,
    step integer NOT NULL DEFAULT 0,
    repeat integer NOT NULL DEFAULT 0,
    content jsonb NOT NULL,
    state text NOT NULL DEFAULT 'planned',
    due_at timestamptz(3) NOT NULL,
    queued_at timestamptz(3),
    attempts integer NOT NULL DEFAULT 0,
    last_error text,
    merged_into text,
    created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz(3)
  );
  CREATE INDEX deliveries_to_do ON deliveries (due_at) WHERE state IN ('planned', 'queued', 'sending');
  CREATE INDEX deliveries_by_age ON deliveries (created_at DESC, id DESC);
  CREATE INDEX deliveries_of_incident ON deliveries (incident_id) WHERE incident_id IS NOT NULL;

  CREATE TABLE maintenance_windows (
    id text PRIMARY KEY,
    spec jsonb NOT NULL,
    created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz(3) NOT NULL DEFAULT clock_timestamp()
  );
  CREATE FUNCTION notify_maintenance_change() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    PERFORM pg_notify('watchpost_maintenance', '');
    RETURN NULL;
  END $$;
  CREATE TRIGGER maintenance_changed AFTER INSERT OR UPDATE OR DELETE ON maintenance_windows
    FOR EACH STATEMENT EXECUTE FUNCTION notify_maintenance_change();

  -- Spans in which a region had no vote, because its own network was impaired.
  CREATE TABLE region_impairments (
    region text NOT NULL,
    from_at timestamptz(3) NOT NULL,
    to_at timestamptz(3),
    -- When it was last seen to be so; it is well again when that is long enough ago.
    bad_at timestamptz(3) NOT NULL,
    reason text NOT NULL,
    incident_id text NOT NULL,
    PRIMARY KEY (region, from_at)
  );
  CREATE UNIQUE INDEX region_impaired_now ON region_impairments (region) WHERE to_at IS NULL;
  `,
  `
  -- Hashes are SHA-256 in hex; what they are of is shown once and kept nowhere.
  CREATE TABLE enrollment_tokens (
    id text PRIMARY KEY,
    token_hash text NOT NULL UNIQUE,
    region text NOT NULL,
    name text,
    created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    created_by text NOT NULL,
    expires_at timestamptz(3) NOT NULL,
    used_at timestamptz(3),
    used_by text,
    revoked_at timestamptz(3)
  );

  CREATE TABLE agent_credentials (
    agent_id text PRIMARY KEY,
    region text NOT NULL,
    name text,
    secret_hash text NOT NULL,
    redis_password_hash text NOT NULL,
    generation integer NOT NULL DEFAULT 1,
    -- While a rotation is under way; both are good until the next one has been used.
    rotation_asked_at timestamptz(3),
    next_secret_hash text,
    next_redis_password_hash text,
    next_generation integer,
    next_issued_at timestamptz(3),
    created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    last_used_at timestamptz(3),
    revoked_at timestamptz(3)
  );
  CREATE FUNCTION notify_agent_change() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    PERFORM pg_notify('watchpost_agents', coalesce(NEW.agent_id, OLD.agent_id));
    RETURN NULL;
  END $$;
  CREATE TRIGGER agent_credentials_changed AFTER INSERT OR DELETE ON agent_credentials
    FOR EACH ROW EXECUTE FUNCTION notify_agent_change();
  -- Not at every use.
  CREATE TRIGGER agent_credential_changed AFTER UPDATE ON agent_credentials FOR EACH ROW
    WHEN ((OLD.region, OLD.secret_hash, OLD.redis_password_hash, OLD.generation, OLD.rotation_asked_at,
           OLD.next_secret_hash, OLD.next_redis_password_hash, OLD.revoked_at)
          IS DISTINCT FROM (NEW.region, NEW.secret_hash, NEW.redis_password_hash, NEW.generation, NEW.rotation_asked_at,
           NEW.next_secret_hash, NEW.next_redis_password_hash, NEW.revoked_at))
    EXECUTE FUNCTION notify_agent_change();

  CREATE TABLE api_tokens (
    id text PRIMARY KEY,
    name text NOT NULL,
    scope text NOT NULL CHECK (scope IN ('read', 'write', 'admin')),
    token_hash text NOT NULL UNIQUE,
    created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    created_by text NOT NULL,
    expires_at timestamptz(3),
    last_used_at timestamptz(3)
  );
  CREATE FUNCTION notify_token_change() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    PERFORM pg_notify('watchpost_tokens', OLD.id);
    RETURN NULL;
  END $$;
  CREATE TRIGGER api_tokens_removed AFTER DELETE ON api_tokens FOR EACH ROW EXECUTE FUNCTION notify_token_change();

  -- Who did what, in the order of writing.
  CREATE TABLE audit_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
    -- "admin" for the admin token, else the id of an API token or an agent; null for who could not be told.
    actor text,
    action text NOT NULL,
    subject text,
    detail jsonb NOT NULL DEFAULT '{}',
    address text
  );
  CREATE INDEX audit_log_by_age ON audit_log (at);
  CREATE INDEX audit_log_of_subject ON audit_log (subject, id) WHERE subject IS NOT NULL;

  -- When the last word of it was heard, which is not every sign of life; null when it was only seen by its results.
  ALTER TABLE agents ADD COLUMN told_at timestamptz(3);

  -- Agents that are to take no checks, because an operator wants it so: all processes of one, or one of them.
  CREATE TABLE drained_agents (
    agent_id text PRIMARY KEY,
    at timestamptz(3) NOT NULL DEFAULT clock_timestamp()
  );
  CREATE FUNCTION notify_drains() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    PERFORM pg_notify('watchpost_drains', '');
    RETURN NULL;
  END $$;
  CREATE TRIGGER drains_changed AFTER INSERT OR DELETE ON drained_agents
    FOR EACH STATEMENT EXECUTE FUNCTION notify_drains();

  -- What is wrong with an agent, or with a region's agents: of each kind one at a time.
  CREATE TABLE agent_troubles (
    id text PRIMARY KEY,
    kind text NOT NULL,
    -- Which one there is once at a time.
    subject text NOT NULL,
    region text NOT NULL,
    agent_id text,
    agent_name text,
    severity text NOT NULL,
    detail text NOT NULL,
    -- When it began, when it was told, when it was last seen to be so, and when it was over.
    since timestamptz(3) NOT NULL,
    opened_at timestamptz(3) NOT NULL,
    bad_at timestamptz(3) NOT NULL,
    resolved_at timestamptz(3),
    resolution text
  );
  CREATE UNIQUE INDEX agent_trouble_now ON agent_troubles (subject) WHERE resolved_at IS NULL;
  CREATE INDEX agent_troubles_by_time ON agent_troubles (opened_at);
  CREATE FUNCTION notify_agent_trouble() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    PERFORM pg_notify('watchpost_live', 'trouble ' || NEW.id);
    RETURN NULL;
  END $$;
  CREATE TRIGGER agent_trouble_opened AFTER INSERT ON agent_troubles
    FOR EACH ROW EXECUTE FUNCTION notify_agent_trouble();
  CREATE TRIGGER agent_trouble_resolved AFTER UPDATE ON agent_troubles
    FOR EACH ROW WHEN (OLD.resolved_at IS DISTINCT FROM NEW.resolved_at) EXECUTE FUNCTION notify_agent_trouble();
  ALTER TABLE notices ADD COLUMN trouble_id text;
  ALTER TABLE deliveries ADD COLUMN trouble_id text;
  CREATE INDEX deliveries_of_trouble ON deliveries (trouble_id) WHERE trouble_id IS NOT NULL;

  -- When the latest try was about to be written to the channel; null when it is known what came of it.
  ALTER TABLE deliveries ADD COLUMN handed_at timestamptz(3);

  -- What operators want a region's agents to become, with each agent's turn.
  CREATE TABLE agent_upgrades (
    id text PRIMARY KEY,
    region text NOT NULL,
    version text NOT NULL,
    canary integer NOT NULL,
    state text NOT NULL CHECK (state IN ('running', 'done', 'failed', 'cancelled')),
    detail text,
    steps jsonb NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz(3) NOT NULL,
    ended_at timestamptz(3)
  );
  CREATE UNIQUE INDEX agent_upgrade_now ON agent_upgrades (region) WHERE state = 'running';
  CREATE INDEX agent_upgrades_by_time ON agent_upgrades (created_at);
  CREATE FUNCTION notify_upgrade() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    PERFORM pg_notify('watchpost_upgrades', NEW.id);
    RETURN NULL;
  END $$;
  CREATE TRIGGER agent_upgrade_asked AFTER INSERT ON agent_upgrades FOR EACH ROW EXECUTE FUNCTION notify_upgrade();

  -- What a deployment has once: sealed keys and the like.
  CREATE TABLE deployment (
    name text PRIMARY KEY,
    value text NOT NULL,
    created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp()
  );
  `,
  `
  -- An incident that came back: when it began to fail again, and how long it was well in between.
  ALTER TABLE incidents ADD COLUMN failed_again_at timestamptz(3), ADD COLUMN well_ms bigint NOT NULL DEFAULT 0;
  -- In which order what people were shown followed: two instants can be the same, or go back by what clocks differ.
  ALTER TABLE verdict_changes ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY;
  `,
  `
  -- When trouble that suspect regions alone saw of a monitor was held back: from the instant of the doubt on.
  CREATE TABLE verdict_holds (
    monitor_id text NOT NULL REFERENCES monitors (id) ON DELETE CASCADE,
    from_at timestamptz(3) NOT NULL,
    to_at timestamptz(3) NOT NULL,
    regions text[] NOT NULL,
    PRIMARY KEY (monitor_id, from_at)
  );
  `,
  `
  -- Who takes care of an agent's trouble, since when, and what they say of it.
  ALTER TABLE agent_troubles ADD COLUMN acknowledged_at timestamptz(3), ADD COLUMN acknowledged_by text, ADD COLUMN note text;
  CREATE TRIGGER agent_trouble_acknowledged AFTER UPDATE ON agent_troubles
    FOR EACH ROW WHEN (OLD.acknowledged_at IS DISTINCT FROM NEW.acknowledged_at) EXECUTE FUNCTION notify_agent_trouble();
  `,
  `
  -- What goes out where several were made one message; null where it is what the delivery itself tells.
  ALTER TABLE deliveries ADD COLUMN message jsonb;
  CREATE INDEX deliveries_merged ON deliveries (merged_into) WHERE merged_into IS NOT NULL;
  CREATE INDEX deliveries_of_subject ON deliveries ((coalesce(incident_id, trouble_id, monitor_id)), channel_id);
  `,
  `
  -- A channel that is removed keeps its name, for what it was told, which another may bear from then on.
  ALTER TABLE channels ADD COLUMN removed_at timestamptz(3), DROP CONSTRAINT channels_name_key;
  CREATE UNIQUE INDEX channels_by_name ON channels (name) WHERE removed_at IS NULL;
  `,
];
