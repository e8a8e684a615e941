import { groupBy } from "../../shared/group-by.ts";
import type { MonitorSpec } from "../../shared/monitor.ts";
import type { AgentTrouble } from "../agents/trouble.ts";
import type { Closing } from "../incidents/follow.ts";
import type { Incident, IncidentLevel } from "../incidents/incident.ts";
import type { NoticeEvent } from "../notify/notice.ts";
import type { Hearer } from "../notify/plan.ts";
import type { Verdict } from "../verdict/verdict.ts";
import type { OutboxEntry } from "./delivery-rows.ts";
import { ENDINGS, subjectOf, TROUBLES } from "./delivery-rows.ts";
import type { PostgresClient } from "./postgres.ts";

interface OutboxRow {
  readonly id: string;
  readonly at: Date;
  readonly event: NoticeEvent;
  readonly region: string | null;
  readonly is_end: boolean;
  /** What it is about: an incident, an agent's trouble, or else a monitor. */
  readonly subject: string | null;
  readonly content: {
    readonly incident?: Incident | null;
    readonly trouble?: AgentTrouble | null;
    readonly closing?: Closing;
    readonly found?: IncidentLevel;
    readonly lines?: readonly string[];
  };
  readonly monitor_id: string | null;
  readonly spec: MonitorSpec | null;
  readonly verdict: Verdict | null;
}

/** What is to be told, in order of time, so that an end is never planned before its beginning. */
export async function takeOutbox(
  client: PostgresClient,
  limit: number,
): Promise<ReadonlyArray<Omit<OutboxEntry, "hearers"> & { readonly ended: string | null }>> {
  const { rows } = await client.query<OutboxRow>(
    // A monitor that is gone is called what it was called last.
    `SELECT n.id, n.at, n.event, n.region, n.content, n.monitor_id, s.verdict, n.event IN ${ENDINGS} AS is_end,
            coalesce(m.spec, (SELECT r.spec FROM monitor_revisions r WHERE r.monitor_id = n.monitor_id
                                AND r.spec IS NOT NULL ORDER BY r.revision DESC LIMIT 1)) AS spec,
            ${subjectOf("n")} AS subject
     FROM notices n LEFT JOIN monitors m ON m.id = n.monitor_id LEFT JOIN monitor_status s ON s.monitor_id = n.monitor_id
     WHERE n.routed_at IS NULL ORDER BY n.at, n.id LIMIT $1 FOR UPDATE OF n SKIP LOCKED`,
    [limit],
  );
  return rows.map((row) => ({
    id: row.id,
    at: row.at.getTime(),
    event: row.event,
    region: row.region,
    incident: row.content.incident ?? null,
    trouble: row.content.trouble ?? null,
    closing: row.content.closing ?? null,
    found: row.content.found ?? null,
    lines: row.content.lines ?? [],
    monitor:
      row.monitor_id && row.spec ? { id: row.monitor_id, spec: row.spec, verdict: row.verdict ?? "unknown" } : null,
    ended: row.is_end ? row.subject : null,
  }));
}

/** Several that follow each other and are all ends, or all none. */
export function runsOf<T extends { readonly ended: string | null }>(taken: readonly T[]): T[][] {
  const runs: T[][] = [];
  for (const entry of taken) {
    const run = runs.at(-1);
    if (run?.[0] && (run[0].ended === null) === (entry.ended === null)) run.push(entry);
    else runs.push([entry]);
  }
  return runs;
}

/**
 * Calls off what is still to be told of trouble that has ended: should it begin again, that is told by itself.
 * @returns who may have heard of it, by what it was
 */
export async function callOff(client: PostgresClient, ended: readonly string[]): Promise<Map<string, Hearer[]>> {
  if (ended.length === 0) return new Map();
  const ofThem = `${subjectOf("deliveries")} = ANY($1) AND event IN ${TROUBLES}`;
  await client.query(
    `UPDATE deliveries SET state = 'cancelled', ended_at = now() WHERE ${ofThem} AND state = 'planned'`,
    [ended],
  );
  const { rows } = await client.query<{ subject: string; channel_id: string; rule_id: string }>(
    `SELECT DISTINCT ${subjectOf("deliveries")} AS subject, channel_id, rule_id FROM deliveries
     WHERE ${ofThem} AND rule_id IS NOT NULL AND state <> 'cancelled'`,
    [ended],
  );
  const bySubject = groupBy(rows, ({ subject }) => subject);
  return new Map(
    [...bySubject].map(([subject, own]) => [
      subject,
      own.map(({ channel_id, rule_id }) => ({ channelId: channel_id, ruleId: rule_id })),
    ]),
  );
}
