import { groupBy } from "../../shared/group-by.ts";
import type { MonitorSpec } from "../../shared/monitor.ts";
import type { AgentTrouble } from "../agents/trouble.ts";
import type { Incident } from "../incidents/incident.ts";
import type { ChannelType } from "../notify/channels/channel.ts";
import type { Notice, NoticeEvent } from "../notify/notice.ts";
import type { Hearer, PlannedDelivery } from "../notify/plan.ts";
import type { AlertRule } from "../notify/rule.ts";
import type { Verdict } from "../verdict/verdict.ts";
import { readAlertRules } from "./channels.ts";
import type { Postgres, PostgresClient } from "./postgres.ts";
import { inTransaction } from "./postgres.ts";

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
  readonly content: Notice;
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
  /** More to say, one fact per line. */
  readonly lines: readonly string[];
  readonly monitor: { readonly id: string; readonly spec: MonitorSpec; readonly verdict: Verdict } | null;
  /** Who was told of the incident, or of the agent's trouble, so far. */
  readonly hearers: readonly Hearer[];
}

/** A delivery that is due, with what may stand against it now. */
export interface DueDelivery extends Delivery {
  readonly channelType: ChannelType;
  /** Its trouble is over. */
  readonly isOver: boolean;
  readonly isAcknowledged: boolean;
  /** Its monitor is in maintenance, or one that it depends on is down, or it is being found out whether that is. */
  readonly isSilenced: boolean;
}

/** What becomes of deliveries that were due. */
export interface Dispatched {
  readonly id: string;
  readonly state: "queued" | "cancelled" | "merged" | "planned";
  /** For one that is merged: into which. */
  readonly into?: string;
  /** For one that stays planned: when to look again. */
  readonly dueAt?: number;
  /** For one that others are merged into. */
  readonly content?: Notice;
}

/** A delivery of which a try begins. */
export interface Begun extends Delivery {
  /** The try before was about to be written, and nobody has kept what came of it. */
  readonly isAbandoned: boolean;
}

/** A delivery as the queue has it. */
export type QueuedDelivery = Pick<Delivery, "id" | "channelId">;

export interface DeliveryFilter {
  readonly state?: DeliveryState | undefined;
  readonly incidentId?: string | undefined;
  readonly channelId?: string | undefined;
}

export interface DeliveryStore {
  /** Takes what the outbox has and keeps what is planned for it, in one transaction. @returns how much there was. */
  route(
    limit: number,
    plan: (
      entry: OutboxEntry,
      rules: readonly AlertRule[],
    ) => { readonly content: Notice; readonly planned: readonly PlannedDelivery[] },
  ): Promise<number>;
  /** Takes deliveries that are due and keeps what is decided of them, in one transaction. @returns those to be sent. */
  dispatch(limit: number, decide: (due: readonly DueDelivery[]) => readonly Dispatched[]): Promise<QueuedDelivery[]>;
  /** Those that were handed to the queue a while ago and have not ended; the queue may have lost them. */
  queuedBefore(ageMs: number): Promise<QueuedDelivery[]>;
  /** Begins a try; null when it has ended otherwise or its channel is gone. */
  begin(id: string): Promise<Begun | null>;
  /** Keeps that the message is about to be written to the channel. */
  handOver(id: string): Promise<void>;
  /** Ends a delivery, and plans what follows it. */
  end(
    id: string,
    state: "sent" | "failed" | "uncertain",
    error: string | null,
    next: { readonly planned: PlannedDelivery; readonly content: Notice } | null,
  ): Promise<void>;
  /** Keeps why a try failed that is repeated. */
  keepError(id: string, error: string): Promise<void>;
  /** A delivery of its own, beside all rules: a test. */
  add(delivery: { readonly id: string; readonly channelId: string; readonly content: Notice }): Promise<void>;
  /** Plans a delivery again that failed, or of which nobody knows whether it arrived; else false. */
  retry(id: string): Promise<boolean>;
  get(id: string): Promise<Delivery | null>;
  /** Newest first, behind a position. */
  list(
    limit: number,
    filter: DeliveryFilter,
    after: { readonly createdAt: number; readonly id: string } | null,
  ): Promise<Delivery[]>;
}

const TROUBLES = "('down', 'degraded', 'no_data', 'flapping', 'region_impaired', 'agent_trouble')";

export function createDeliveryStore(postgres: Postgres): DeliveryStore {
  return {
    route: (limit, plan) =>
      inTransaction(postgres, async (client) => {
        const entries = await takeOutbox(client, limit);
        if (entries.length === 0) return 0;
        const rules = await readAlertRules(client);
        for (const entry of entries) {
          const { content, planned } = plan(entry, rules);
          for (const delivery of planned) await insert(client, delivery, content, entry);
        }
        await client.query("UPDATE notices SET routed_at = now() WHERE id = ANY($1)", [entries.map(({ id }) => id)]);
        return entries.length;
      }),
    dispatch: (limit, decide) =>
      inTransaction(postgres, async (client) => {
        const due = await takeDue(client, limit);
        if (due.length === 0) return [];
        const decided = decide(due);
        await client.query(
          `UPDATE deliveries d SET state = n.state, merged_into = n.merged_into, due_at = coalesce(n.due_at, d.due_at),
                  content = coalesce(n.content, d.content),
                  queued_at = CASE WHEN n.state = 'queued' THEN now() ELSE d.queued_at END,
                  ended_at = CASE WHEN n.state IN ('cancelled', 'merged') THEN now() ELSE NULL END
           FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::jsonb[]) AS n (id, state, merged_into, due_at, content)
           WHERE d.id = n.id`,
          [
            decided.map(({ id }) => id),
            decided.map(({ state }) => state),
            decided.map(({ into }) => into ?? null),
            decided.map(({ dueAt }) => (dueAt === undefined ? null : new Date(dueAt))),
            decided.map(({ content }) => (content ? JSON.stringify(content) : null)),
          ],
        );
        const queued = new Set(decided.flatMap(({ id, state }) => (state === "queued" ? id : [])));
        return due.filter(({ id }) => queued.has(id)).map(({ id, channelId }) => ({ id, channelId }));
      }),
    async queuedBefore(ageMs) {
      const { rows } = await postgres.query<Pick<Row, "id" | "channel_id">>(
        "SELECT id, channel_id FROM deliveries WHERE state IN ('queued', 'sending') AND queued_at < now() - make_interval(secs => $1) ORDER BY queued_at LIMIT 1000",
        [ageMs / 1_000],
      );
      return rows.map(({ id, channel_id }) => ({ id, channelId: channel_id }));
    },
    async begin(id) {
      const { rows } = await postgres.query<Row & { is_abandoned: boolean }>(
        `UPDATE deliveries d SET state = 'sending', attempts = d.attempts + 1
         FROM (SELECT id, handed_at FROM deliveries WHERE id = $1 AND state IN ('queued', 'sending') FOR UPDATE) AS was
         WHERE d.id = was.id RETURNING d.*, was.handed_at IS NOT NULL AS is_abandoned`,
        [id],
      );
      const [row] = rows;
      if (!row) return null;
      return { ...toDelivery(row), isAbandoned: row.is_abandoned };
    },
    async handOver(id) {
      await postgres.query("UPDATE deliveries SET handed_at = now() WHERE id = $1", [id]);
    },
    end: (id, state, error, next) =>
      inTransaction(postgres, async (client) => {
        const { rows } = await client.query<Row>(
          // Who was thought dead may say in the end that it was taken.
          `UPDATE deliveries SET state = $2, last_error = $3, ended_at = now(), handed_at = NULL
           WHERE id = $1 AND (state = 'sending' OR (state = 'uncertain' AND $2 = 'sent')) RETURNING *`,
          [id, state, error],
        );
        if (rows[0] && next) await insert(client, next.planned, next.content, toDelivery(rows[0]));
      }),
    async keepError(id, error) {
      await postgres.query(
        `UPDATE deliveries SET last_error = $2, handed_at = NULL,
                state = CASE state WHEN 'sending' THEN 'queued' ELSE state END WHERE id = $1`,
        [id, error],
      );
    },
    async add({ id, channelId, content }) {
      await postgres.query(
        "INSERT INTO deliveries (id, channel_id, event, content, due_at) VALUES ($1, $2, $3, $4, now())",
        [id, channelId, content.event, JSON.stringify(content)],
      );
    },
    async retry(id) {
      const { rowCount } = await postgres.query(
        "UPDATE deliveries SET state = 'planned', due_at = now(), attempts = 0, ended_at = NULL, handed_at = NULL WHERE id = $1 AND state IN ('failed', 'uncertain')",
        [id],
      );
      return rowCount === 1;
    },
    async get(id) {
      const { rows } = await postgres.query<Row>("SELECT * FROM deliveries WHERE id = $1", [id]);
      return rows[0] ? toDelivery(rows[0]) : null;
    },
    async list(limit, { state, incidentId, channelId }, after) {
      const { rows } = await postgres.query<Row>(
        `SELECT * FROM deliveries
         WHERE ($2::text IS NULL OR state = $2) AND ($3::text IS NULL OR incident_id = $3) AND ($4::text IS NULL OR channel_id = $4)
           AND ($5::timestamptz IS NULL OR (created_at, id) < ($5, $6))
         ORDER BY created_at DESC, id DESC LIMIT $1`,
        [
          limit,
          state ?? null,
          incidentId ?? null,
          channelId ?? null,
          after ? new Date(after.createdAt) : null,
          after?.id ?? null,
        ],
      );
      return rows.map(toDelivery);
    },
  };
}

interface OutboxRow {
  readonly id: string;
  readonly at: Date;
  readonly event: NoticeEvent;
  readonly region: string | null;
  readonly incident_id: string | null;
  readonly trouble_id: string | null;
  readonly content: {
    readonly incident?: Incident | null;
    readonly trouble?: AgentTrouble | null;
    readonly lines?: readonly string[];
  };
  readonly monitor_id: string | null;
  readonly spec: MonitorSpec | null;
  readonly verdict: Verdict | null;
}

/** In order of time, so that an end is never planned before its beginning. */
async function takeOutbox(client: PostgresClient, limit: number): Promise<OutboxEntry[]> {
  const { rows } = await client.query<OutboxRow>(
    `SELECT n.id, n.at, n.event, n.region, n.incident_id, n.trouble_id, n.content, n.monitor_id, m.spec, s.verdict
     FROM notices n LEFT JOIN monitors m ON m.id = n.monitor_id LEFT JOIN monitor_status s ON s.monitor_id = n.monitor_id
     WHERE n.routed_at IS NULL ORDER BY n.at, n.id LIMIT $1 FOR UPDATE OF n SKIP LOCKED`,
    [limit],
  );
  const told = await client.query<{ about: string; channel_id: string; rule_id: string }>(
    `SELECT DISTINCT coalesce(incident_id, trouble_id) AS about, channel_id, rule_id FROM deliveries
     WHERE (incident_id = ANY($1) OR trouble_id = ANY($2)) AND rule_id IS NOT NULL AND event IN ${TROUBLES} AND state NOT IN ('planned', 'cancelled')`,
    [rows.flatMap(({ incident_id }) => incident_id ?? []), rows.flatMap(({ trouble_id }) => trouble_id ?? [])],
  );
  const hearers = groupBy(told.rows, ({ about }) => about);
  return rows.map((row) => ({
    id: row.id,
    at: row.at.getTime(),
    event: row.event,
    region: row.region,
    incident: row.content.incident ?? null,
    trouble: row.content.trouble ?? null,
    lines: row.content.lines ?? [],
    monitor:
      row.monitor_id && row.spec ? { id: row.monitor_id, spec: row.spec, verdict: row.verdict ?? "unknown" } : null,
    hearers: (hearers.get(row.incident_id ?? row.trouble_id ?? "") ?? []).map(({ channel_id, rule_id }) => ({
      channelId: channel_id,
      ruleId: rule_id,
    })),
  }));
}

async function insert(
  client: PostgresClient,
  { id, channelId, ruleId, step, repeat, dueAt }: PlannedDelivery,
  content: Notice,
  about: {
    readonly id: string;
    readonly noticeId?: string | null;
    readonly incident?: Incident | null;
    readonly incidentId?: string | null;
    readonly trouble?: { readonly id: string } | null;
    readonly troubleId?: string | null;
    readonly monitor?: { readonly id: string } | null;
    readonly monitorId?: string | null;
  },
): Promise<void> {
  await client.query(
    `INSERT INTO deliveries (id, channel_id, rule_id, notice_id, incident_id, monitor_id, event, step, repeat, content, due_at, trouble_id)
     SELECT $1, c.id, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12 FROM channels c WHERE c.id = $2 AND c.enabled
     ON CONFLICT DO NOTHING`,
    [
      id,
      channelId,
      ruleId,
      about.noticeId ?? about.id,
      about.incident?.id ?? about.incidentId ?? null,
      about.monitor?.id ?? about.monitorId ?? null,
      content.event,
      step,
      repeat,
      JSON.stringify({ ...content, id }),
      new Date(dueAt),
      about.trouble?.id ?? about.troubleId ?? null,
    ],
  );
}

/** With those of the same channel, rule and event that come soon after: they may make one message. */
async function takeDue(client: PostgresClient, limit: number): Promise<DueDelivery[]> {
  const { rows } = await client.query<
    Row & {
      channel_type: ChannelType;
      is_over: boolean;
      is_acknowledged: boolean;
      is_silenced: boolean;
    }
  >(
    `SELECT d.*, c.type AS channel_type,
            coalesce(i.resolved_at, t.resolved_at) IS NOT NULL AS is_over,
            coalesce(i.acknowledged_at, t.acknowledged_at) IS NOT NULL AS is_acknowledged,
            EXISTS (SELECT FROM monitors m, jsonb_array_elements_text(coalesce(m.spec->'dependsOn', '[]')) AS parent (id)
                    JOIN monitor_status p ON p.monitor_id = parent.id
                    WHERE m.id = d.monitor_id AND (p.verdict = 'down' OR coalesce(p.state->'doubt' <> 'null', false)))
              OR EXISTS (SELECT FROM monitor_status own WHERE own.monitor_id = d.monitor_id AND own.verdict = 'maintenance') AS is_silenced
     FROM deliveries d JOIN channels c ON c.id = d.channel_id
       LEFT JOIN incidents i ON i.id = d.incident_id LEFT JOIN agent_troubles t ON t.id = d.trouble_id
       LEFT JOIN alert_rules r ON r.id = d.rule_id
     WHERE d.state = 'planned' AND (d.due_at <= now()
       OR (d.repeat = 0 AND d.due_at <= now() + make_interval(secs => (r.spec->>'groupMs')::float8 / 1000)
           AND EXISTS (SELECT FROM deliveries f WHERE f.state = 'planned' AND f.due_at <= now() AND f.repeat = 0 AND f.step = d.step
                         AND f.channel_id = d.channel_id AND f.rule_id = d.rule_id AND f.event = d.event)))
     ORDER BY d.due_at LIMIT $1 FOR UPDATE OF d SKIP LOCKED`,
    [limit],
  );
  return rows.map((row) => ({
    ...toDelivery(row),
    channelType: row.channel_type,
    isOver: row.is_over,
    isAcknowledged: row.is_acknowledged,
    isSilenced: row.is_silenced,
  }));
}

interface Row {
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
  readonly state: DeliveryState;
  readonly due_at: Date;
  readonly attempts: number;
  readonly last_error: string | null;
  readonly merged_into: string | null;
  readonly created_at: Date;
  readonly ended_at: Date | null;
}

function toDelivery(row: Row): Delivery {
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
    state: row.state,
    dueAt: row.due_at.getTime(),
    attempts: row.attempts,
    lastError: row.last_error,
    mergedInto: row.merged_into,
    createdAt: row.created_at.getTime(),
    endedAt: row.ended_at?.getTime() ?? null,
  };
}
