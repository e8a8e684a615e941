import type { Course, News } from "../incidents/follow.ts";
import type { Incident, TimelineEntry } from "../incidents/incident.ts";
import type { PostgresClient } from "./postgres.ts";

export interface IncidentRow {
  readonly id: string;
  readonly monitor_id: string | null;
  readonly region: string | null;
  readonly kind: Incident["kind"];
  readonly level: Incident["level"];
  readonly started_at: Date;
  readonly detected_at: Date;
  readonly confirmed_at: Date;
  readonly recovered_at: Date | null;
  readonly resolved_at: Date | null;
  readonly resolution: Incident["resolution"];
  readonly acknowledged_at: Date | null;
  readonly acknowledged_by: string | null;
  readonly reopened: number;
  readonly failed_again_at: Date | null;
  readonly well_ms: number;
  readonly notices: number;
  readonly evidence: Incident["evidence"];
}

export function toIncident(row: IncidentRow): Incident {
  return {
    id: row.id,
    monitorId: row.monitor_id,
    region: row.region,
    kind: row.kind,
    level: row.level,
    startedAt: row.started_at.getTime(),
    detectedAt: row.detected_at.getTime(),
    confirmedAt: row.confirmed_at.getTime(),
    recoveredAt: row.recovered_at?.getTime() ?? null,
    resolvedAt: row.resolved_at?.getTime() ?? null,
    resolution: row.resolution,
    acknowledgedAt: row.acknowledged_at?.getTime() ?? null,
    acknowledgedBy: row.acknowledged_by,
    reopened: row.reopened,
    failedAgainAt: row.failed_again_at?.getTime() ?? null,
    wellMs: row.well_ms,
    notices: row.notices,
    // Those of earlier releases do not say it.
    evidence: row.evidence.map((seen) => ({ ...seen, backSince: seen.backSince ?? null })),
  };
}

/** The open incident of each of these monitors, or its latest; those without any are left out. */
export async function latestIncidents(
  client: PostgresClient,
  monitorIds: readonly string[],
): Promise<Map<string, Incident>> {
  const { rows } = await client.query<IncidentRow>(
    `SELECT DISTINCT ON (monitor_id) * FROM incidents WHERE monitor_id = ANY($1)
     ORDER BY monitor_id, resolved_at IS NULL DESC, started_at DESC`,
    [monitorIds],
  );
  return new Map(rows.map((row) => [row.monitor_id as string, toIncident(row)]));
}

/** Writes what happened to incidents, in the transaction of what made it happen: people are told of it exactly then. */
export async function writeCourses(client: PostgresClient, courses: readonly Course[]): Promise<void> {
  const incidents = courses.flatMap(({ incident }) => incident ?? []);
  const timeline = courses.flatMap((course) => course.timeline);
  const news = courses.flatMap((course) => course.news);
  await writeIncidents(client, incidents);
  await writeTimeline(client, timeline);
  await writeNotices(client, news);
}

export async function writeIncidents(client: PostgresClient, incidents: readonly Incident[]): Promise<void> {
  for (const incident of incidents) {
    await client.query(
      `INSERT INTO incidents (id, monitor_id, region, kind, level, started_at, detected_at, confirmed_at, recovered_at,
                              resolved_at, resolution, acknowledged_at, acknowledged_by, reopened, failed_again_at,
                              well_ms, notices, evidence)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
       ON CONFLICT (id) DO UPDATE SET
         kind = excluded.kind, level = excluded.level, recovered_at = excluded.recovered_at,
         resolved_at = excluded.resolved_at, resolution = excluded.resolution, reopened = excluded.reopened,
         failed_again_at = excluded.failed_again_at, well_ms = excluded.well_ms,
         notices = excluded.notices, evidence = excluded.evidence,
         -- Somebody may have acknowledged it meanwhile; that it came back alone takes it back.
         acknowledged_at = CASE WHEN excluded.reopened = incidents.reopened THEN incidents.acknowledged_at END,
         acknowledged_by = CASE WHEN excluded.reopened = incidents.reopened THEN incidents.acknowledged_by END`,
      [
        incident.id,
        incident.monitorId,
        incident.region,
        incident.kind,
        incident.level,
        new Date(incident.startedAt),
        new Date(incident.detectedAt),
        new Date(incident.confirmedAt),
        toDate(incident.recoveredAt),
        toDate(incident.resolvedAt),
        incident.resolution,
        toDate(incident.acknowledgedAt),
        incident.acknowledgedBy,
        incident.reopened,
        toDate(incident.failedAgainAt),
        incident.wellMs,
        incident.notices,
        JSON.stringify(incident.evidence),
      ],
    );
  }
}

export async function writeTimeline(client: PostgresClient, entries: readonly TimelineEntry[]): Promise<void> {
  if (entries.length === 0) return;
  await client.query(
    `INSERT INTO timeline (at, type, monitor_id, incident_id, data)
     SELECT * FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::jsonb[])`,
    [
      entries.map(({ at }) => new Date(at)),
      entries.map(({ type }) => type),
      entries.map(({ monitorId }) => monitorId),
      entries.map(({ incidentId }) => incidentId),
      entries.map(({ data }) => JSON.stringify(data)),
    ],
  );
}

/** A notice's id follows from what it is about, so that the same news is one notice, whoever writes it. */
async function writeNotices(client: PostgresClient, news: readonly News[]): Promise<void> {
  if (news.length === 0) return;
  await client.query(
    `INSERT INTO notices (id, at, event, monitor_id, region, incident_id, content)
     SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::jsonb[])
     ON CONFLICT DO NOTHING`,
    [
      news.map(noticeId),
      news.map(({ at }) => new Date(at)),
      news.map(({ event }) => event),
      news.map(({ monitorId }) => monitorId),
      news.map(({ incident }) => incident?.region ?? null),
      news.map(({ incident }) => incident?.id ?? null),
      news.map(({ incident, closing, found }) => JSON.stringify({ incident, closing, found })),
    ],
  );
}

function noticeId({ incident, monitorId, event, at }: News): string {
  return incident ? `${incident.id}-${incident.notices}` : `${monitorId}-${event}-${at}`;
}

function toDate(ms: number | null): Date | null {
  return ms === null ? null : new Date(ms);
}
