import type { MonitorSpec } from "../../shared/monitor.ts";
import type { AgentTrouble } from "../agents/trouble.ts";
import type { Traits } from "../chooses.ts";
import type { Closing } from "../incidents/follow.ts";
import type { Incident, IncidentLevel } from "../incidents/incident.ts";
import type { ChannelType } from "../notify/channels/channel.ts";
import type { Notice, NoticeEvent } from "../notify/notice.ts";
import type { Hearer, PlannedDelivery } from "../notify/plan.ts";
import type { Above } from "../notify/silence.ts";
import type { Verdict } from "../verdict/verdict.ts";
import type { PostgresClient } from "./postgres.ts";

export const deliveryStates = [
  "planned",
  "queued",
  "sending",
  "sent",
  "failed",
  "uncertain",
  "cancelled",
  "merged",
] as const;
export type DeliveryState = (typeof deliveryStates)[number];

/** A message to a channel, as it is stored. Times are ms since the epoch. */
export interface Delivery extends PlannedDelivery {
  readonly noticeId: string | null;
  readonly incidentId: string | null;
  readonly troubleId: string | null;
  readonly monitorId: string | null;
  readonly event: NoticeEvent;
  /** What it tells by itself. */
  readonly content: Notice;
  /** What goes out: with what others tell that were made one message with it. */
  readonly message: Notice;
  readonly state: DeliveryState;
  readonly attempts: number;
  readonly lastError: string | null;
  readonly mergedInto: string | null;
  readonly createdAt: number;
  readonly endedAt: number | null;
}

/** What the outbox has to tell, with all that it takes to decide whom. */
export interface OutboxEntry {
  readonly id: string;
  readonly at: number;
  readonly event: NoticeEvent;
  readonly region: string | null;
  readonly incident: Incident | null;
  readonly trouble: AgentTrouble | null;
  /** Of what is closed. */
  readonly closing: Closing | null;
  /** Of results that come again: what they say. */
  readonly found: IncidentLevel | null;
  /** More to say, one fact per line. */
  readonly lines: readonly string[];
  readonly monitor: { readonly id: string; readonly spec: MonitorSpec; readonly verdict: Verdict } | null;
  /** Of an end: who may have been told of what ends. */
  readonly hearers: readonly Hearer[];
}

/** A delivery that is due, with what may stand against it now. */
export interface DueDelivery extends Delivery {
  readonly channelType: ChannelType;
  /** What it tells of is so no more. */
  readonly isOver: boolean;
  readonly isAcknowledged: boolean;
  /** An earlier message of the same to the same channel is on its way. */
  readonly isBehind: boolean;
  /** Of an end: its channel was told of what ends. */
  readonly isHeard: boolean;
  /** Its monitor is in maintenance. */
  readonly inMaintenance: boolean;
  /** It is being found out whether its monitor is as it was. */
  readonly inDoubt: boolean;
  /** When its incident began, in ms since the epoch. */
  readonly startedAt: number | null;
  /** Of its monitor as that is now; null for what is about none, or one that is gone. */
  readonly traits: Traits | null;
  /** How those are that its monitor depends on; null when there are none. */
  readonly above: Above | null;
}

/** Trouble that has an end, as a list of SQL; people hear of the end who have heard of one of these. */
export const TROUBLES = "('down', 'degraded', 'no_data', 'flapping', 'region_impaired', 'agent_trouble')";
export const ENDINGS = "('up', 'data_back', 'region_recovered', 'agent_recovered', 'closed')";

/** What a notice or a delivery is about, as SQL: word for word as the index `deliveries_of_subject` has it. */
export const subjectOf = (table: string): string =>
  `coalesce(${table}.incident_id, ${table}.trouble_id, ${table}.monitor_id)`;

export interface DeliveryRow {
  readonly id: string;
  readonly channel_id: string;
  readonly rule_id: string | null;
  readonly notice_id: string | null;
  readonly incident_id: string | null;
  readonly trouble_id: string | null;
  readonly monitor_id: string | null;
  readonly event: NoticeEvent;
  readonly step: number;
  readonly repeat: number;
  readonly content: Notice;
  readonly message: Notice | null;
  readonly state: DeliveryState;
  readonly due_at: Date;
  readonly attempts: number;
  readonly last_error: string | null;
  readonly merged_into: string | null;
  readonly created_at: Date;
  readonly ended_at: Date | null;
}

export function toDelivery(row: DeliveryRow): Delivery {
  return {
    id: row.id,
    channelId: row.channel_id,
    ruleId: row.rule_id ?? "",
    noticeId: row.notice_id,
    incidentId: row.incident_id,
    troubleId: row.trouble_id,
    monitorId: row.monitor_id,
    event: row.event,
    step: row.step,
    repeat: row.repeat,
    content: row.content,
    message: row.message ?? row.content,
    state: row.state,
    dueAt: row.due_at.getTime(),
    attempts: row.attempts,
    lastError: row.last_error,
    mergedInto: row.merged_into,
    createdAt: row.created_at.getTime(),
    endedAt: row.ended_at?.getTime() ?? null,
  };
}

/** A message as it is planned, and what it is about. */
export interface Draft {
  readonly planned: PlannedDelivery;
  readonly content: Notice;
  readonly about: Pick<Delivery, "noticeId" | "incidentId" | "troubleId" | "monitorId">;
}

/** Keeps deliveries that are planned, but those whose channel is switched off or gone. */
export async function insertDeliveries(client: PostgresClient, drafts: readonly Draft[]): Promise<void> {
  if (drafts.length === 0) return;
  await client.query(
    `INSERT INTO deliveries (id, channel_id, rule_id, step, repeat, due_at, event, content, notice_id, incident_id, trouble_id, monitor_id)
     SELECT n.* FROM unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::int[], $6::timestamptz[], $7::text[], $8::jsonb[],
                            $9::text[], $10::text[], $11::text[], $12::text[])
       AS n (id, channel_id, rule_id, step, repeat, due_at, event, content, notice_id, incident_id, trouble_id, monitor_id)
     JOIN channels c ON c.id = n.channel_id AND c.enabled
     ON CONFLICT DO NOTHING`,
    [
      drafts.map(({ planned }) => planned.id),
      drafts.map(({ planned }) => planned.channelId),
      drafts.map(({ planned }) => planned.ruleId),
      drafts.map(({ planned }) => planned.step),
      drafts.map(({ planned }) => planned.repeat),
      drafts.map(({ planned }) => new Date(planned.dueAt)),
      drafts.map(({ content }) => content.event),
      drafts.map(({ content, planned }) => JSON.stringify({ ...content, id: planned.id })),
      drafts.map(({ about }) => about.noticeId),
      drafts.map(({ about }) => about.incidentId),
      drafts.map(({ about }) => about.troubleId),
      drafts.map(({ about }) => about.monitorId),
    ],
  );
}
