import type { Course } from "../incidents/follow.ts";
import type { Incident } from "../incidents/incident.ts";
import { newlyOpened } from "../incidents/incident.ts";

/** A span in which a region has no vote. Times are ms since the epoch. */
export interface Impairment {
  readonly region: string;
  readonly since: number;
  /** When it was last seen to be so. */
  readonly badAt: number;
  readonly reason: string;
  readonly incidentId: string;
}

/** The incident of a region that loses its vote, and what people are told of it. */
export function impaired(
  { region, since, reason, incidentId }: Impairment,
  monitorIds: readonly string[],
): Course & { readonly incident: Incident } {
  const incident: Incident = {
    ...newlyOpened,
    id: incidentId,
    monitorId: null,
    region,
    kind: "vantage",
    level: "degraded",
    startedAt: since,
    detectedAt: since,
    confirmedAt: since,
    notices: 1,
    evidence: [
      {
        region,
        status: "error",
        since,
        checkedAt: since,
        latencyMs: 0,
        statusCode: null,
        address: null,
        phase: null,
        error: { code: "agent_network", message: reason },
        certificate: null,
        backSince: null,
      },
    ],
  };
  return {
    incident,
    timeline: [
      {
        type: "opened",
        at: since,
        monitorId: null,
        incidentId,
        data: { level: incident.level, kind: incident.kind, before: null, region, reason, monitors: monitorIds },
      },
    ],
    news: [{ event: "region_impaired", at: since, monitorId: null, incident }],
  };
}

/** The end of such an incident; it was over when the region was last seen to be impaired. */
export function recovered(opened: Incident, badAt: number, at: number): Course {
  const incident: Incident = {
    ...opened,
    recoveredAt: Math.max(opened.startedAt, badAt),
    resolvedAt: at,
    resolution: "recovered",
    notices: opened.notices + 1,
  };
  return {
    incident,
    timeline: [
      { type: "resolved", at, monitorId: null, incidentId: incident.id, data: { resolution: incident.resolution } },
    ],
    news: [{ event: "region_recovered", at, monitorId: null, incident }],
  };
}
