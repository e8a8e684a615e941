import type { Incident, TimelineEntry } from "../../coordinator/incidents/incident.ts";
import { newlyOpened } from "../../coordinator/incidents/incident.ts";
import { writeIncidents, writeTimeline } from "../../coordinator/store/incidents.ts";
import { inTransaction, openPostgres } from "../../coordinator/store/postgres.ts";
import { newId } from "../../shared/id.ts";
import { createLogger } from "../../shared/logger.ts";

/** An open incident of a monitor that two regions see down. */
export function anIncident(changes: Partial<Incident> = {}): Incident {
  const startedAt = changes.startedAt ?? Date.now() - 60_000;
  const seen = {
    status: "down",
    since: startedAt,
    checkedAt: startedAt + 30_000,
    latencyMs: 2.5,
    statusCode: null,
    address: "192.0.2.1",
    phase: "connectMs",
    error: { code: "connect_refused", message: "refused" },
    certificate: null,
    backSince: null,
  } as const;
  return {
    ...newlyOpened,
    id: newId("inc"),
    monitorId: newId("mon"),
    region: null,
    kind: "global",
    level: "down",
    startedAt,
    detectedAt: startedAt + 20,
    confirmedAt: startedAt + 400,
    notices: 1,
    evidence: [
      { region: "eu-west", ...seen },
      { region: "us-east", ...seen },
    ],
    ...changes,
  };
}

/** Writes incidents as the judging of verdicts does. */
export async function keepIncidents(
  databaseUrl: string,
  incidents: readonly Incident[],
  timeline: readonly TimelineEntry[] = [],
): Promise<void> {
  const postgres = openPostgres(databaseUrl, createLogger({ level: "silent", name: "test" }));
  try {
    await inTransaction(postgres, async (client) => {
      await writeIncidents(client, incidents);
      await writeTimeline(client, timeline);
    });
  } finally {
    await postgres.end();
  }
}
