import type { Incident, IncidentLevel, TimelineEntry } from "../incidents/incident.ts";
import type { ChannelType } from "../notify/channels/channel.ts";
import type { DeliveryState } from "./deliveries.ts";
import type { IncidentRow } from "./incidents.ts";
import { toIncident, writeTimeline } from "./incidents.ts";
import type { Postgres } from "./postgres.ts";
import { inTransaction } from "./postgres.ts";

/** The course of an incident is read to this many entries, the latest ones. */
const MAX_TIMELINE = 1_000;

/** An incident, and what its monitor is called; of one that is gone, what it was called last. */
export interface NamedIncident extends Incident {
  readonly monitorName: string | null;
}

export interface StoredEntry extends TimelineEntry {
  readonly id: number;
  readonly monitorName: string | null;
}

/**
 * A message about an incident, as far as its delivery has come. Of one that was told with others, attempts, error
 * and end are those of the message that they are in.
 */
export interface IncidentDelivery {
  readonly id: string;
  readonly channelId: string;
  /** Of one that was removed, followed by ` (removed)`. */
  readonly channelName: string;
  readonly channelType: ChannelType;
  readonly event: string;
  /** Which step of its rule it is of, from 0. */
  readonly step: number;
  /** 0 for the first telling, n for the n-th reminder. */
  readonly repeat: number;
  readonly state: DeliveryState;
  /** The message that it was made part of, which tells of other monitors too; null for one of its own. */
  readonly mergedInto: string | null;
  /** What became of it, or of the message that it is part of. */
  readonly outcome: DeliveryState;
  readonly attempts: number;
  readonly lastError: string | null;
  readonly createdAt: number;
  readonly dueAt: number;
  readonly endedAt: number | null;
}

/** Which incidents are wanted; null leaves a filter out. Times are ms since the epoch. */
export interface IncidentQuery {
  readonly open: boolean | null;
  readonly monitorId: string | null;
  /** Those of this region itself, and those in which it saw trouble. */
  readonly region: string | null;
  readonly level: IncidentLevel | null;
  /** Those that lasted at some time from here … */
  readonly from: number | null;
  /** … to below here. */
  readonly to: number | null;
  readonly after: IncidentPosition | null;
  readonly limit: number;
}

/** A place in the order from the latest start to the first. */
export interface IncidentPosition {
  readonly startedAt: number;
  readonly id: string;
}

export interface IncidentStore {
  /** Newest first. */
  list(query: IncidentQuery): Promise<NamedIncident[]>;
  get(id: string): Promise<NamedIncident | null>;
  /** Its course, oldest first. */
  timeline(id: string): Promise<StoredEntry[]>;
  /** What was sent about it, oldest first. */
  deliveries(id: string): Promise<IncidentDelivery[]>;
  /**
   * Keeps that somebody takes care of it; once it is kept, later calls change nothing.
   * @returns false when it is resolved, null when there is none.
   */
  acknowledge(id: string, by: string | null, note: string | null): Promise<boolean | null>;
  /** False when there is no such incident. */
  addNote(id: string, text: string, by: string | null): Promise<boolean>;
  /** Entries of the timeline by number, with the incidents that they are of. */
  entries(ids: readonly number[]): Promise<Array<{ entry: StoredEntry; incident: NamedIncident | null }>>;
  /** How many are open, of each kind and level. */
  countOpen(): Promise<Array<Pick<Incident, "kind" | "level"> & { readonly count: number }>>;
}

interface NamedRow extends IncidentRow {
  readonly monitor_name: string | null;
}

interface EntryRow {
  readonly id: number;
  readonly at: Date;
  readonly type: TimelineEntry["type"];
  readonly monitor_id: string | null;
  readonly monitor_name: string | null;
  readonly incident_id: string | null;
  readonly data: TimelineEntry["data"];
}

interface DeliveryRow {
  readonly id: string;
  readonly channel_id: string;
  readonly name: string;
  readonly type: ChannelType;
  readonly event: string;
  readonly step: number;
  readonly repeat: number;
  readonly state: DeliveryState;
  readonly merged_into: string | null;
  readonly created_at: Date;
  readonly due_at: Date;
  readonly outcome: DeliveryState;
  readonly attempts: number;
  readonly last_error: string | null;
  readonly ended_at: Date | null;
}

const nameOf = (table: string) => `coalesce(
  (SELECT name FROM monitors WHERE id = ${table}.monitor_id),
  (SELECT spec->>'name' FROM monitor_revisions
   WHERE monitor_id = ${table}.monitor_id AND spec IS NOT NULL ORDER BY revision DESC LIMIT 1)) AS monitor_name`;

const select = `SELECT i.*, ${nameOf("i")} FROM incidents i`;

export function createIncidentStore(postgres: Postgres): IncidentStore {
  async function byIds(ids: readonly string[]): Promise<NamedIncident[]> {
    const { rows } = await postgres.query<NamedRow>(`${select} WHERE i.id = ANY($1)`, [ids]);
    return rows.map(toNamed);
  }

  return {
    async list({ open, monitorId, region, level, from, to, after, limit }) {
      const values: unknown[] = [];
      const given = (value: unknown) => `$${values.push(value)}`;
      const conditions = [
        open === null ? null : `i.resolved_at IS ${open ? "" : "NOT "}NULL`,
        monitorId && `i.monitor_id = ${given(monitorId)}`,
        region && seenFrom(given(region)),
        level && `i.level = ${given(level)}`,
        from === null ? null : `(i.resolved_at IS NULL OR i.resolved_at >= ${given(new Date(from))})`,
        to === null ? null : `i.started_at < ${given(new Date(to))}`,
        after && `(i.started_at, i.id) < (${given(new Date(after.startedAt))}, ${given(after.id)})`,
      ].filter(Boolean);
      const where = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
      const { rows } = await postgres.query<NamedRow>(
        `${select} ${where} ORDER BY i.started_at DESC, i.id DESC LIMIT ${given(limit)}`,
        values,
      );
      return rows.map(toNamed);
    },
    get: async (id) => (await byIds([id]))[0] ?? null,
    async timeline(id) {
      const { rows } = await postgres.query<EntryRow>(
        `SELECT t.*, NULL AS monitor_name FROM timeline t WHERE incident_id = $1 ORDER BY at DESC, id DESC LIMIT $2`,
        [id, MAX_TIMELINE],
      );
      return rows.map(toEntry).reverse();
    },
    async deliveries(id) {
      const { rows } = await postgres.query<DeliveryRow>(
        `SELECT d.id, d.channel_id, c.type, c.name || CASE WHEN c.removed_at IS NULL THEN '' ELSE ' (removed)' END AS name,
                d.event, d.step, d.repeat, d.state, d.merged_into, d.created_at, d.due_at,
                told.state AS outcome, told.attempts, told.last_error, told.ended_at
         FROM deliveries d JOIN channels c ON c.id = d.channel_id
           JOIN deliveries told ON told.id = coalesce(d.merged_into, d.id)
         WHERE d.incident_id = $1 ORDER BY d.created_at, d.id LIMIT $2`,
        [id, MAX_TIMELINE],
      );
      return rows.map(toDelivery);
    },
    acknowledge: (id, by, note) =>
      inTransaction(postgres, async (client) => {
        const found = await client.query<IncidentRow & { now: Date }>(
          "SELECT *, clock_timestamp() AS now FROM incidents WHERE id = $1 FOR UPDATE",
          [id],
        );
        const row = found.rows[0];
        if (!row) return null;
        if (row.resolved_at) return false;
        if (row.acknowledged_at) return true;
        await client.query("UPDATE incidents SET acknowledged_at = $2, acknowledged_by = $3 WHERE id = $1", [
          id,
          row.now,
          by,
        ]);
        await writeTimeline(client, [
          {
            type: "acknowledged",
            at: row.now.getTime(),
            monitorId: row.monitor_id,
            incidentId: id,
            data: { ...(by !== null && { by }), ...(note !== null && { note }) },
          },
        ]);
        return true;
      }),
    async addNote(id, text, by) {
      const { rowCount } = await postgres.query(
        `INSERT INTO timeline (at, type, monitor_id, incident_id, data)
         SELECT clock_timestamp(), 'note', monitor_id, id, $2 FROM incidents WHERE id = $1`,
        [id, JSON.stringify({ text, ...(by !== null && { by }) })],
      );
      return rowCount === 1;
    },
    async entries(ids) {
      const { rows } = await postgres.query<EntryRow>(
        `SELECT t.*, ${nameOf("t")} FROM timeline t WHERE t.id = ANY($1) ORDER BY t.id`,
        [ids],
      );
      const incidents = await byIds([...new Set(rows.flatMap(({ incident_id }) => incident_id ?? []))]);
      return rows.map((row) => ({
        entry: toEntry(row),
        incident: incidents.find((incident) => incident.id === row.incident_id) ?? null,
      }));
    },
    async countOpen() {
      const { rows } = await postgres.query<{ kind: Incident["kind"]; level: IncidentLevel; count: number }>(
        "SELECT kind, level, count(*) FROM incidents WHERE resolved_at IS NULL GROUP BY kind, level",
      );
      return rows;
    },
  };
}

function seenFrom(region: string): string {
  return `(i.region = ${region} OR EXISTS (
    SELECT FROM jsonb_array_elements(i.evidence) e WHERE e->>'region' = ${region} AND e->>'status' <> 'up'))`;
}

function toNamed(row: NamedRow): NamedIncident {
  return { ...toIncident(row), monitorName: row.monitor_name };
}

function toEntry(row: EntryRow): StoredEntry {
  return {
    id: row.id,
    at: row.at.getTime(),
    type: row.type,
    monitorId: row.monitor_id,
    monitorName: row.monitor_name,
    incidentId: row.incident_id,
    data: row.data,
  };
}

function toDelivery(row: DeliveryRow): IncidentDelivery {
  return {
    id: row.id,
    channelId: row.channel_id,
    channelName: row.name,
    channelType: row.type,
    event: row.event,
    step: row.step,
    repeat: row.repeat,
    state: row.state,
    mergedInto: row.merged_into,
    outcome: row.outcome,
    attempts: row.attempts,
    lastError: row.last_error,
    createdAt: row.created_at.getTime(),
    dueAt: row.due_at.getTime(),
    endedAt: row.ended_at?.getTime() ?? null,
  };
}
