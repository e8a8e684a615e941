import type { Notice } from "../notify/notice.ts";
import type { PlannedDelivery } from "../notify/plan.ts";
import type { AlertRule } from "../notify/rule.ts";
import { readAlertRules } from "./channels.ts";
import type { Delivery, DeliveryRow, DeliveryState, Draft, DueDelivery, OutboxEntry } from "./delivery-rows.ts";
import { insertDeliveries, toDelivery } from "./delivery-rows.ts";
import { takeDue } from "./due.ts";
import { callOff, runsOf, takeOutbox } from "./outbox.ts";
import type { Postgres } from "./postgres.ts";
import { inTransaction } from "./postgres.ts";

export type { Delivery, DeliveryState, DueDelivery, OutboxEntry } from "./delivery-rows.ts";
export { deliveryStates } from "./delivery-rows.ts";

/** What becomes of deliveries that were due. */
export interface Dispatched {
  readonly id: string;
  readonly state: "queued" | "cancelled" | "merged" | "planned";
  /** For one that is merged: into which. */
  readonly into?: string;
  /** For one that stays planned: when to look again. */
  readonly dueAt?: number;
  /** For one that others are merged into: what goes out for all of them. */
  readonly message?: Notice;
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
  /**
   * Takes deliveries that are due and keeps what is decided of them, in one transaction.
   * @param limit how many kinds of messages at once, with all that is due of each
   * @returns those to be sent.
   */
  dispatch(
    limit: number,
    decide: (due: readonly DueDelivery[], rules: readonly AlertRule[]) => readonly Dispatched[],
  ): Promise<QueuedDelivery[]>;
  /**
   * Those that were marked as queued so long ago, in ms, and have not ended, in order of their ids, behind one of them.
   * Those of which a try is under way are `sending`.
   */
  inQueue(
    which: {
      readonly minAgeMs: number;
      readonly maxAgeMs: number | null;
      readonly states: "queued" | "queued or sending";
    },
    behind: string,
    limit: number,
  ): Promise<QueuedDelivery[]>;
  /** Begins a try; null when it has ended otherwise or its channel is gone. */
  begin(id: string): Promise<Begun | null>;
  /** Keeps that the message is about to be written to the channel. */
  handOver(id: string): Promise<void>;
  /** Ends a delivery, and plans what follows it and each of those that were made one message with it. */
  end(
    id: string,
    state: "sent" | "failed" | "uncertain",
    error: string | null,
    next: (told: Delivery) => { readonly planned: PlannedDelivery; readonly content: Notice } | null,
  ): Promise<void>;
  /** Keeps why a try failed that is repeated. */
  keepError(id: string, error: string): Promise<void>;
  /** A delivery of its own, beside all rules: a test. */
  add(delivery: { readonly id: string; readonly channelId: string; readonly content: Notice }): Promise<void>;
  /** Plans a delivery again that failed, or of which nobody knows whether it arrived, where its channel is still there; else false. */
  retry(id: string): Promise<boolean>;
  get(id: string): Promise<Delivery | null>;
  /** Newest first, behind a position; those of channels that were removed only where they are asked for by their incident. */
  list(
    limit: number,
    filter: DeliveryFilter,
    after: { readonly createdAt: number; readonly id: string } | null,
  ): Promise<Delivery[]>;
}

/** Whether a delivery's channel was not removed. */
const IS_REACHABLE = "EXISTS (SELECT FROM channels c WHERE c.id = deliveries.channel_id AND c.removed_at IS NULL)";

/** One coordinator at a time plans and groups messages, so that none misses what belongs to its own. Any number; the same for all. */
const PLANNING_LOCK = 0x706c616e;

export function createDeliveryStore(postgres: Postgres): DeliveryStore {
  return {
    route: (limit, plan) =>
      inTransaction(postgres, async (client) => {
        await client.query("SELECT pg_advisory_xact_lock($1)", [PLANNING_LOCK]);
        const taken = await takeOutbox(client, limit);
        if (taken.length === 0) return 0;
        const rules = await readAlertRules(client);
        for (const run of runsOf(taken)) {
          const hearers = await callOff(
            client,
            run.flatMap(({ ended }) => ended ?? []),
          );
          const drafts = run.flatMap(({ ended, ...news }) => {
            const { content, planned } = plan({ ...news, hearers: hearers.get(ended ?? "") ?? [] }, rules);
            const about = aboutOf(news);
            return planned.map((delivery) => ({ planned: delivery, content, about }));
          });
          await insertDeliveries(client, drafts);
        }
        await client.query("UPDATE notices SET routed_at = now() WHERE id = ANY($1)", [taken.map(({ id }) => id)]);
        return taken.length;
      }),
    dispatch: (limit, decide) =>
      inTransaction(postgres, async (client) => {
        await client.query("SELECT pg_advisory_xact_lock($1)", [PLANNING_LOCK]);
        const due = await takeDue(client, limit);
        if (due.length === 0) return [];
        const decided = decide(due, await readAlertRules(client));
        await client.query(
          `UPDATE deliveries d SET state = n.state, merged_into = n.merged_into, due_at = coalesce(n.due_at, d.due_at),
                  message = coalesce(n.message, d.message),
                  queued_at = CASE WHEN n.state = 'queued' THEN clock_timestamp() ELSE d.queued_at END,
                  ended_at = CASE WHEN n.state IN ('cancelled', 'merged') THEN now() ELSE NULL END
           FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::jsonb[]) AS n (id, state, merged_into, due_at, message)
           WHERE d.id = n.id`,
          [
            decided.map(({ id }) => id),
            decided.map(({ state }) => state),
            decided.map(({ into }) => into ?? null),
            decided.map(({ dueAt }) => (dueAt === undefined ? null : new Date(dueAt))),
            decided.map(({ message }) => (message ? JSON.stringify(message) : null)),
          ],
        );
        const queued = new Set(decided.flatMap(({ id, state }) => (state === "queued" ? id : [])));
        return due.filter(({ id }) => queued.has(id)).map(({ id, channelId }) => ({ id, channelId }));
      }),
    async inQueue({ minAgeMs, maxAgeMs, states }, behind, limit) {
      const { rows } = await postgres.query<Pick<DeliveryRow, "id" | "channel_id">>(
        `SELECT id, channel_id FROM deliveries
         WHERE state IN (${states === "queued" ? "'queued'" : "'queued', 'sending'"})
           AND queued_at <= now() - make_interval(secs => $1)
           AND ($2::float8 IS NULL OR queued_at > now() - make_interval(secs => $2)) AND id > $3
         ORDER BY id LIMIT $4`,
        [minAgeMs / 1_000, maxAgeMs === null ? null : maxAgeMs / 1_000, behind, limit],
      );
      return rows.map(({ id, channel_id }) => ({ id, channelId: channel_id }));
    },
    async begin(id) {
      const { rows } = await postgres.query<DeliveryRow & { is_abandoned: boolean }>(
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
        const { rows } = await client.query<DeliveryRow>(
          // Who was thought dead may say in the end that it was taken.
          `UPDATE deliveries SET state = $2, last_error = $3, ended_at = now(), handed_at = NULL
           WHERE id = $1 AND (state = 'sending' OR (state = 'uncertain' AND $2 = 'sent')) RETURNING *`,
          [id, state, error],
        );
        if (!rows[0]) return;
        const merged = await client.query<DeliveryRow>("SELECT * FROM deliveries WHERE merged_into = $1", [id]);
        const drafts = [...rows, ...merged.rows].map(toDelivery).flatMap((told) => {
          const following = next(told);
          return following ? { ...following, about: told } : [];
        });
        await insertDeliveries(client, drafts);
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
        `UPDATE deliveries SET state = 'planned', due_at = now(), attempts = 0, ended_at = NULL, handed_at = NULL
         WHERE id = $1 AND state IN ('failed', 'uncertain') AND ${IS_REACHABLE}`,
        [id],
      );
      return rowCount === 1;
    },
    async get(id) {
      const { rows } = await postgres.query<DeliveryRow>("SELECT * FROM deliveries WHERE id = $1", [id]);
      return rows[0] ? toDelivery(rows[0]) : null;
    },
    async list(limit, { state, incidentId, channelId }, after) {
      const { rows } = await postgres.query<DeliveryRow>(
        `SELECT * FROM deliveries
         WHERE ($3::text IS NOT NULL OR ${IS_REACHABLE}) AND ($2::text IS NULL OR state = $2) AND ($3::text IS NULL OR incident_id = $3) AND ($4::text IS NULL OR channel_id = $4)
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

function aboutOf({ id, incident, trouble, monitor }: Omit<OutboxEntry, "hearers">): Draft["about"] {
  return {
    noticeId: id,
    incidentId: incident?.id ?? null,
    troubleId: trouble?.id ?? null,
    monitorId: monitor?.id ?? null,
  };
}
