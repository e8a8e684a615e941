import type { Incident } from "../incidents/incident.ts";
import type { Sighting, VerdictChange } from "../stats/spans.ts";
import type { Verdict } from "../verdict/verdict.ts";
import type { IncidentRow } from "./incidents.ts";
import { toIncident } from "./incidents.ts";
import type { Postgres } from "./postgres.ts";

/** So many changes are read, the latest; before them nothing is known. */
const MAX_CHANGES = 100_000;
const MAX_INCIDENTS = 10_000;

export interface VerdictHistory {
  /** In ascending order, the first of them the one that stood when the time began. */
  readonly changes: readonly VerdictChange[];
  readonly sightings: readonly Sighting[];
  /** Those that lasted at some time since. */
  readonly incidents: readonly Incident[];
}

export interface VerdictHistoryStore {
  /** What a monitor's verdict was from an instant on, in ms since the epoch. */
  since(monitorId: string, from: number): Promise<VerdictHistory>;
}

interface EntryRow {
  readonly at: Date;
  readonly type: "opened" | "reopened" | "resolved";
  readonly data: { readonly level?: Incident["level"]; readonly startedAt?: number; readonly recoveredAt?: number };
}

export function createVerdictHistoryStore(postgres: Postgres): VerdictHistoryStore {
  return {
    async since(monitorId, from) {
      const values = [monitorId, new Date(from)];
      const [changes, entries, incidents] = await Promise.all([
        postgres.query<{ at: Date; verdict: Verdict }>(
          `SELECT at, verdict FROM verdict_changes WHERE monitor_id = $1 AND at >= coalesce(
             (SELECT max(at) FROM verdict_changes WHERE monitor_id = $1 AND at <= $2), $2)
           ORDER BY at DESC LIMIT ${MAX_CHANGES}`,
          values,
        ),
        postgres.query<EntryRow>(
          `SELECT at, type, data FROM timeline
           WHERE monitor_id = $1 AND at >= $2 AND type IN ('opened', 'reopened', 'resolved')
           ORDER BY at DESC, id DESC LIMIT ${MAX_CHANGES}`,
          values,
        ),
        postgres.query<IncidentRow>(
          `SELECT * FROM incidents WHERE monitor_id = $1 AND (resolved_at IS NULL OR resolved_at >= $2)
           ORDER BY started_at DESC LIMIT ${MAX_INCIDENTS}`,
          values,
        ),
      ]);
      return {
        changes: changes.rows.map(({ at, verdict }) => ({ at: at.getTime(), verdict })).reverse(),
        sightings: entries.rows.flatMap(toSighting),
        incidents: incidents.rows.map(toIncident),
      };
    },
  };
}

function toSighting({ at, type, data: { level, startedAt, recoveredAt } }: EntryRow): Sighting[] {
  if (type === "resolved") return recoveredAt ? [{ at: at.getTime(), since: recoveredAt, verdict: "up" }] : [];
  return startedAt && level ? [{ at: at.getTime(), since: startedAt, verdict: level }] : [];
}
