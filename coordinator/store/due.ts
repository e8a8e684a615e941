import type { MonitorSpec } from "../../shared/monitor.ts";
import type { ChannelType } from "../notify/channels/channel.ts";
import type { Above } from "../notify/silence.ts";
import type { DeliveryRow, DueDelivery } from "./delivery-rows.ts";
import { ENDINGS, subjectOf, TROUBLES, toDelivery } from "./delivery-rows.ts";
import type { PostgresClient } from "./postgres.ts";

/** So long those that belong together wait for what is still to be planned, in seconds; should that not be possible, not longer. */
const PLANNING_S = 10;
/** So many messages are looked at together, which is the most that become one. */
const MAX_TOGETHER = 5_000;

interface DueRow extends DeliveryRow {
  readonly channel_type: ChannelType;
  readonly is_over: boolean;
  readonly is_acknowledged: boolean;
  readonly is_behind: boolean;
  readonly is_heard: boolean;
  readonly in_maintenance: boolean;
  readonly in_doubt: boolean;
  readonly started_at: Date | null;
  readonly spec: MonitorSpec | null;
}

/** Whether somebody was told of trouble at a channel since they were last told of its end. */
const IS_HEARD = `EXISTS (
  SELECT FROM deliveries b LEFT JOIN deliveries carrier ON carrier.id = b.merged_into
  WHERE ${subjectOf("b")} = ${subjectOf("d")} AND b.channel_id = d.channel_id AND b.event IN ${TROUBLES}
    AND coalesce(carrier.state, b.state) IN ('sent', 'uncertain')
    AND b.created_at > coalesce((
      SELECT max(e.created_at) FROM deliveries e LEFT JOIN deliveries carrier ON carrier.id = e.merged_into
      WHERE ${subjectOf("e")} = ${subjectOf("d")} AND e.channel_id = d.channel_id AND e.event IN ${ENDINGS} AND e.id <> d.id
        AND coalesce(carrier.state, e.state) IN ('sent', 'uncertain')), '-infinity'))`;

/** Takes those that are due, with those of the same channel, rule and event that come soon after: they may make one message. */
export async function takeDue(client: PostgresClient, maxGroups: number): Promise<DueDelivery[]> {
  const { rows } = await client.query<DueRow>(
    `WITH ready AS (
       SELECT channel_id, rule_id, event, step, repeat > 0 AS is_reminder FROM deliveries
       WHERE state = 'planned' AND due_at <= now()
         AND NOT EXISTS (SELECT FROM notices n WHERE n.routed_at IS NULL AND n.event = deliveries.event
                           AND n.at > now() - make_interval(secs => ${PLANNING_S}))
       GROUP BY 1, 2, 3, 4, 5 ORDER BY min(due_at) LIMIT $1),
     in_flight AS MATERIALIZED (
       SELECT channel_id, coalesce(monitor_id, trouble_id, incident_id) AS about, created_at FROM deliveries
       WHERE state IN ('queued', 'sending')
       UNION ALL
       SELECT m.channel_id, coalesce(m.monitor_id, m.trouble_id, m.incident_id), m.created_at
       FROM deliveries carrier JOIN deliveries m ON m.merged_into = carrier.id WHERE carrier.state IN ('queued', 'sending'))
     SELECT d.*, c.type AS channel_type, i.started_at, m.spec,
            CASE WHEN d.event IN ('down', 'degraded') THEN coalesce(i.resolved_at IS NOT NULL OR i.level <> d.event, false)
                   -- That it came back is told by a notice of its own.
                   OR coalesce((told.content->'incident'->>'reopened')::int < i.reopened, false)
                 WHEN d.event = 'no_data' THEN coalesce(own.state->>'settled', '') <> 'unknown' OR own.verdict = 'paused'
                   -- That they stopped again is told by a notice of its own.
                   OR EXISTS (SELECT FROM verdict_changes v WHERE v.monitor_id = d.monitor_id AND v.at > told.at
                                AND v.verdict NOT IN ('unknown', 'maintenance'))
                 ELSE coalesce(i.resolved_at, t.resolved_at) IS NOT NULL END AS is_over,
            coalesce(i.acknowledged_at, t.acknowledged_at) IS NOT NULL AS is_acknowledged,
            coalesce(own.verdict = 'maintenance', false) AS in_maintenance,
            coalesce(own.state->'doubt' <> 'null', false) AS in_doubt,
            EXISTS (SELECT FROM in_flight f WHERE f.channel_id = d.channel_id AND f.created_at < d.created_at
                      AND f.about = coalesce(d.monitor_id, d.trouble_id, d.incident_id)) AS is_behind,
            CASE WHEN d.event IN ${ENDINGS} THEN ${IS_HEARD} ELSE true END AS is_heard
     FROM ready JOIN deliveries d ON d.channel_id = ready.channel_id AND d.rule_id IS NOT DISTINCT FROM ready.rule_id
         AND d.event = ready.event AND d.step = ready.step AND (d.repeat > 0) = ready.is_reminder
       JOIN channels c ON c.id = d.channel_id
       LEFT JOIN notices told ON told.id = d.notice_id
       LEFT JOIN incidents i ON i.id = d.incident_id LEFT JOIN agent_troubles t ON t.id = d.trouble_id
       LEFT JOIN monitors m ON m.id = d.monitor_id LEFT JOIN monitor_status own ON own.monitor_id = d.monitor_id
       LEFT JOIN alert_rules r ON r.id = d.rule_id
     WHERE d.state = 'planned' AND (d.due_at <= now()
       OR (NOT ready.is_reminder AND d.due_at <= now() + make_interval(secs => (r.spec->>'groupMs')::float8 / 1000)))
     ORDER BY d.due_at LIMIT ${MAX_TOGETHER} FOR UPDATE OF d SKIP LOCKED`,
    [maxGroups],
  );
  const above = await readAbove(
    client,
    rows.flatMap(({ monitor_id, spec }) => (monitor_id && spec && spec.dependsOn.length > 0 ? monitor_id : [])),
  );
  return rows.map((row) => ({
    ...toDelivery(row),
    channelType: row.channel_type,
    isOver: row.is_over,
    isAcknowledged: row.is_acknowledged,
    isBehind: row.is_behind,
    isHeard: row.is_heard,
    inMaintenance: row.in_maintenance,
    startedAt: row.started_at?.getTime() ?? null,
    inDoubt: row.in_doubt,
    traits: row.spec && row.monitor_id ? { id: row.monitor_id, type: row.spec.type, tags: row.spec.tags } : null,
    above: above.get(row.monitor_id ?? "") ?? null,
  }));
}

interface AboveRow {
  readonly child: string;
  readonly is_down: boolean;
  readonly heard_at: Date | null;
  readonly well_since: Date | null;
  readonly own_heard_at: Date | null;
  readonly timeout_ms: number;
}

/** How those are without which these monitors cannot work, over however many others. */
async function readAbove(client: PostgresClient, monitorIds: readonly string[]): Promise<Map<string, Above>> {
  if (monitorIds.length === 0) return new Map();
  const { rows } = await client.query<AboveRow>(
    `WITH RECURSIVE above (child, id) AS (
       SELECT m.id, parent.id FROM monitors m, jsonb_array_elements_text(m.spec->'dependsOn') AS parent (id)
       WHERE m.id = ANY($1)
       UNION
       SELECT above.child, parent.id
       FROM above JOIN monitors m ON m.id = above.id, jsonb_array_elements_text(m.spec->'dependsOn') AS parent (id)),
     parents AS (
       SELECT above.child, p.verdict, p.since, (m.spec->>'timeoutMs')::int AS timeout_ms,
              coalesce(p.state->'doubt' <> 'null', false) AS in_doubt, heard.*
       FROM above JOIN monitors m ON m.id = above.id JOIN monitor_status p ON p.monitor_id = above.id,
         LATERAL (SELECT max(checked_at) AS at, bool_or(status = 'down') AS fails, bool_or(status <> 'down') AS passes
                  FROM monitor_region_status v WHERE v.monitor_id = above.id AND v.status <> 'error') AS heard)
     SELECT parents.child,
            bool_or(verdict = 'down' OR in_doubt OR (verdict = 'maintenance' AND coalesce(fails AND NOT passes, false))) AS is_down,
            min(coalesce(at, '-infinity')) FILTER (WHERE verdict IN ('up', 'degraded')) AS heard_at,
            max(since) FILTER (WHERE verdict IN ('up', 'degraded')) AS well_since,
            greatest(max(timeout_ms), max((own.spec->>'timeoutMs')::int)) AS timeout_ms,
            (SELECT min(checked_at) FROM monitor_region_status v WHERE v.monitor_id = child AND v.status <> 'error') AS own_heard_at
     FROM parents JOIN monitors own ON own.id = child GROUP BY child`,
    [[...new Set(monitorIds)]],
  );
  return new Map(
    rows.map((row) => [
      row.child,
      {
        isDown: row.is_down,
        heardAt: msOf(row.heard_at),
        wellSince: msOf(row.well_since),
        ownHeardAt: msOf(row.own_heard_at),
        timeoutMs: row.timeout_ms,
      },
    ]),
  );
}

/** pg reads -infinity as a number. */
const msOf = (at: Date | number | null): number | null => (at === null ? null : Number(at));
