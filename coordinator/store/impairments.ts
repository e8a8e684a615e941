import type { Ending } from "../incidents/closing.ts";
import { close } from "../incidents/closing.ts";
import type { Incident } from "../incidents/incident.ts";
import { type Impairment, impaired, recovered } from "../vantage/impairment.ts";
import type { Sight } from "../vantage/view.ts";
import { type IncidentRow, toIncident, writeCourses } from "./incidents.ts";
import type { Postgres, PostgresClient } from "./postgres.ts";
import { inTransaction } from "./postgres.ts";

/** Which regions have no vote, and what is known of why, as all coordinators share it. */
export interface ImpairmentStore {
  /** The regions that have no vote now. */
  current(): Promise<Impairment[]>;
  /** The monitors of which some region has begun to see trouble since an instant, at most `limit`, the latest first. */
  turnedSince(instant: number, limit: number): Promise<string[]>;
  /** The monitors that a region has checked since an instant, at most `limit`, the latest first. */
  checkedSince(region: string, instant: number, limit: number): Promise<string[]>;
  /** What every region saw of these monitors last; results that are no votes are left out. */
  sightsOf(monitorIds: readonly string[]): Promise<Sight[]>;
  /**
   * Takes a region's vote, and tells people of it, in one transaction.
   * @param monitorIds of the monitors that it saw wrong, for its incident.
   * @returns false when it has none already.
   */
  begin(impairment: Impairment, monitorIds: readonly string[]): Promise<boolean>;
  /** Notes that a region is still impaired. */
  stillBad(region: string, at: number): Promise<void>;
  /**
   * Gives a region its vote back if it was not seen to be impaired since an instant.
   * @returns whether it was given back by this.
   */
  end(region: string, cleanSince: number, at: number): Promise<boolean>;
}

const ms = (column: string): string => `(extract(epoch FROM ${column}) * 1000)::float8`;

export function createImpairmentStore(postgres: Postgres): ImpairmentStore {
  return {
    async current() {
      const { rows } = await postgres.query<{
        region: string;
        from_ms: number;
        bad_ms: number;
        reason: string;
        incident_id: string;
      }>(
        `SELECT region, ${ms("from_at")} AS from_ms, ${ms("bad_at")} AS bad_ms, reason, incident_id
         FROM region_impairments WHERE to_at IS NULL ORDER BY region COLLATE "C"`,
      );
      return rows.map(({ region, from_ms, bad_ms, reason, incident_id }) => ({
        region,
        since: Math.round(from_ms),
        badAt: Math.round(bad_ms),
        reason,
        incidentId: incident_id,
      }));
    },
    async turnedSince(instant, limit) {
      const { rows } = await postgres.query<{ monitor_id: string }>({
        name: "turned_since",
        text: `SELECT monitor_id FROM monitor_region_status WHERE status IN ('down', 'degraded') AND side_since > $1
               ORDER BY side_since DESC LIMIT $2`,
        values: [new Date(instant), limit],
      });
      return [...new Set(rows.map(({ monitor_id }) => monitor_id))];
    },
    async checkedSince(region, instant, limit) {
      const { rows } = await postgres.query<{ monitor_id: string }>(
        `SELECT monitor_id FROM monitor_region_status WHERE region = $1 AND checked_at > $2
         ORDER BY checked_at DESC LIMIT $3`,
        [region, new Date(instant), limit],
      );
      return rows.map(({ monitor_id }) => monitor_id);
    },
    async sightsOf(monitorIds) {
      if (monitorIds.length === 0) return [];
      const { rows } = await postgres.query<{
        monitor_id: string;
        region: string;
        status: string;
        address: string | null;
        since_ms: number;
        scheduled_ms: number;
        checked_ms: number;
      }>({
        name: "sights",
        text: `SELECT monitor_id, region, status, address, ${ms("side_since")} AS since_ms,
                      ${ms("scheduled_at")} AS scheduled_ms, ${ms("checked_at")} AS checked_ms
               FROM monitor_region_status WHERE monitor_id = ANY($1) AND status <> 'error'`,
        values: [monitorIds],
      });
      return rows.map((row) => ({
        monitorId: row.monitor_id,
        region: row.region,
        isWell: row.status === "up",
        since: Math.round(row.since_ms),
        scheduledAt: Math.round(row.scheduled_ms),
        checkedAt: Math.round(row.checked_ms),
        address: row.address,
      }));
    },
    begin: (impairment, monitorIds) =>
      inTransaction(postgres, async (client) => {
        const { region, since, badAt, reason, incidentId } = impairment;
        const { rowCount } = await client.query(
          `INSERT INTO region_impairments (region, from_at, bad_at, reason, incident_id) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT DO NOTHING`,
          [region, new Date(since), new Date(badAt), reason, incidentId],
        );
        if (rowCount === 0) return false;
        await writeCourses(client, [impaired(impairment, monitorIds)]);
        return true;
      }),
    async stillBad(region, at) {
      await postgres.query(
        "UPDATE region_impairments SET bad_at = greatest(bad_at, $2) WHERE region = $1 AND to_at IS NULL",
        [region, new Date(at)],
      );
    },
    end: (region, cleanSince, at) =>
      inTransaction(postgres, async (client) => {
        const { rows } = await client.query<{ incident_id: string; bad_ms: number }>(
          `UPDATE region_impairments SET to_at = $3 WHERE region = $1 AND to_at IS NULL AND bad_at <= $2
           RETURNING incident_id, ${ms("bad_at")} AS bad_ms`,
          [region, new Date(cleanSince), new Date(at)],
        );
        const ended = rows[0];
        if (!ended) return false;
        const incidents = await openIncident(client, ended.incident_id);
        await writeCourses(
          client,
          incidents.map((incident) => recovered(incident, Math.round(ended.bad_ms), at)),
        );
        return true;
      }),
  };
}

/** Ends what is wrong with a region that is no more, and has those told who heard of it. */
export async function endImpairment(client: PostgresClient, region: string, ending: Ending): Promise<void> {
  const { rows } = await client.query<{ incident_id: string }>(
    "UPDATE region_impairments SET to_at = $2 WHERE region = $1 AND to_at IS NULL RETURNING incident_id",
    [region, new Date(ending.at)],
  );
  for (const { incident_id } of rows) {
    const incidents = await openIncident(client, incident_id);
    await writeCourses(
      client,
      incidents.map((incident) => close({ monitorId: null, incident }, ending)),
    );
  }
}

async function openIncident(client: PostgresClient, id: string): Promise<Incident[]> {
  const { rows } = await client.query<IncidentRow>(
    "SELECT * FROM incidents WHERE id = $1 AND resolved_at IS NULL FOR UPDATE",
    [id],
  );
  return rows.map(toIncident);
}
