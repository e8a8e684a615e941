import { isoTime } from "../../shared/clock.ts";
import type { EvidenceRow, IncidentDeliveryRow, IncidentRow, TimelineRow } from "../http/api-types.ts";
import type { IncidentDelivery, NamedIncident, StoredEntry } from "../store/incident-store.ts";
import type { Evidence, TimelineEntry } from "./incident.ts";

/** An incident as the API returns it; until it has ended, its duration is up to now. */
export function presentIncident(incident: NamedIncident, now: number): IncidentRow {
  const { startedAt, recoveredAt, resolvedAt, wellMs, evidence } = incident;
  return {
    id: incident.id,
    monitorId: incident.monitorId,
    monitorName: incident.monitorName,
    region: incident.region,
    kind: incident.kind,
    level: incident.level,
    state: resolvedAt === null ? "open" : "resolved",
    resolution: incident.resolution,
    startedAt: isoTime(startedAt),
    detectedAt: isoTime(incident.detectedAt),
    confirmedAt: isoTime(incident.confirmedAt),
    recoveredAt: isoOrNull(recoveredAt),
    resolvedAt: isoOrNull(resolvedAt),
    durationMs: Math.max(0, Math.round((recoveredAt ?? resolvedAt ?? now) - startedAt - wellMs)),
    acknowledgedAt: isoOrNull(incident.acknowledgedAt),
    acknowledgedBy: incident.acknowledgedBy,
    reopened: incident.reopened,
    failedAgainAt: isoOrNull(incident.failedAgainAt),
    wellMs,
    notices: incident.notices,
    regions: evidence.filter(({ status }) => status !== "up").map(({ region }) => region),
  };
}

export function presentEvidence({ since, checkedAt, backSince, ...evidence }: Evidence): EvidenceRow {
  return { ...evidence, since: isoTime(since), checkedAt: isoTime(checkedAt), backSince: isoOrNull(backSince) };
}

export function presentEntry({ id, at, type, data }: StoredEntry): TimelineRow {
  return { id, at: isoTime(at), type, data: presentData(data) };
}

/** Times in what an entry says, as all times of the API. */
export function presentData(data: TimelineEntry["data"]): TimelineEntry["data"] {
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [
      key,
      typeof value === "number" && key.endsWith("At") ? isoTime(value) : value,
    ]),
  );
}

export function presentDelivery({ createdAt, dueAt, endedAt, ...delivery }: IncidentDelivery): IncidentDeliveryRow {
  return { ...delivery, createdAt: isoTime(createdAt), dueAt: isoTime(dueAt), endedAt: isoOrNull(endedAt) };
}

function isoOrNull(ms: number | null): string | null {
  return ms === null ? null : isoTime(ms);
}
