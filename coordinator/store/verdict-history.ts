import { groupBy } from "../../shared/group-by.ts";
import type { Incident } from "../incidents/incident.ts";
import type { Sighting, Stretch, VerdictChange } from "../stats/spans.ts";
import type { Verdict } from "../verdict/verdict.ts";
import type { IncidentRow } from "./incidents.ts";
import { toIncident } from "./incidents.ts";
import type { Postgres } from "./postgres.ts";

/** So many changes are read at most, the latest; before them nothing is known. */
const MAX_CHANGES = 100_000;
const MAX_INCIDENTS = 10_000;

export interface VerdictHistory {
  /** From when on all is read: from where it was asked, or where the first of the incidents began. */
  readonly from: number;
  /** In ascending order, the first of them the one that stood when that time began. */
  readonly changes: readonly VerdictChange[];
  readonly sightings: readonly Sighting[];
  /** When the target was well before an incident came back, whatever was known of it then. */
  readonly wellBetween: readonly Stretch[];
  /** Those that lasted at some time since. */
  readonly incidents: readonly Incident[];
}

export interface VerdictHistoryStore {
  /** What a monitor's verdict was from an instant on, in ms since the epoch. */
  since(monitorId: string, from: number): Promise<VerdictHistory>;
  /** The same of many monitors, by their ids, without their incidents. */
  ofAll(
    monitorIds: readonly string[],
    from: number,
  ): Promise<ReadonlyMap<string, Pick<VerdictHistory, "changes" | "sightings">>>;
}

interface EntryRow {
  readonly at: Date;
  readonly type: "opened" | "reopened" | "worsened" | "eased" | "resolved";
  readonly data: { readonly level?: Incident["level"]; readonly startedAt?: number; readonly recoveredAt?: number };
}

export function createVerdictHistoryStore(postgres: Postgres): VerdictHistoryStore {
  return {
    async since(monitorId, asked) {
      const incidents = await postgres.query<IncidentRow>(
        `SELECT * FROM incidents WHERE monitor_id = $1 AND (resolved_at IS NULL OR resolved_at >= $2)
         ORDER BY started_at DESC LIMIT ${MAX_INCIDENTS}`,
        [monitorId, new Date(asked)],
      );
      const from = Math.min(asked, ...incidents.rows.map(({ started_at }) => started_at.getTime()));
      const values = [monitorId, new Date(from)];
      const [changes, entries] = await Promise.all([
        postgres.query<{ at: Date; verdict: Verdict }>(
          `SELECT at, verdict FROM verdict_changes WHERE monitor_id = $1 AND at >= coalesce(
             (SELECT max(at) FROM verdict_changes WHERE monitor_id = $1 AND at <= $2), $2)
           ORDER BY id DESC LIMIT ${MAX_CHANGES}`,
          values,
        ),
        postgres.query<EntryRow>(
          `SELECT at, type, data FROM timeline WHERE monitor_id = $1 AND at >= $2
             AND type IN ('opened', 'reopened', 'worsened', 'eased', 'resolved')
           ORDER BY at DESC, id DESC LIMIT ${MAX_CHANGES}`,
          values,
        ),
      ]);
      return {
        from,
        changes: inOrder(changes.rows.map(({ at, verdict }) => ({ at: at.getTime(), verdict })).reverse()),
        sightings: entries.rows.flatMap(toSighting),
        wellBetween: wellBetween(entries.rows.toReversed()),
        incidents: incidents.rows.map(toIncident),
      };
    },
    async ofAll(monitorIds, from) {
      const values = [monitorIds, new Date(from)];
      const [changes, entries] = await Promise.all([
        postgres.query<{ monitor_id: string; at: Date; verdict: Verdict }>(changesOfAll, values),
        postgres.query<EntryRow & { monitor_id: string }>(
          `SELECT monitor_id, at, type, data FROM timeline
           WHERE monitor_id = ANY($1) AND at >= $2 AND type IN ('opened', 'reopened', 'worsened', 'eased', 'resolved')
           ORDER BY at DESC, id DESC LIMIT ${MAX_CHANGES}`,
          values,
        ),
      ]);
      const changesOf = groupBy(changes.rows, ({ monitor_id }) => monitor_id);
      const entriesOf = groupBy(entries.rows, ({ monitor_id }) => monitor_id);
      return new Map(
        monitorIds.map((id) => [
          id,
          {
            changes: inOrder((changesOf.get(id) ?? []).map(({ at, verdict }) => ({ at: at.getTime(), verdict }))),
            sightings: (entriesOf.get(id) ?? []).flatMap(toSighting),
          },
        ]),
      );
    },
  };
}

/** What was written later was shown later, also where clocks differed by which the instants were taken. */
function inOrder(changes: readonly VerdictChange[]): VerdictChange[] {
  let latest = Number.NEGATIVE_INFINITY;
  return changes.map(({ at, verdict }) => {
    latest = Math.max(latest, at);
    return { at: latest, verdict };
  });
}

/** The latest of all, and the one of each monitor that stood when the time began. */
const changesOfAll = `
  (SELECT id, monitor_id, at, verdict FROM verdict_changes WHERE monitor_id = ANY($1) AND at > $2
   ORDER BY id DESC LIMIT ${MAX_CHANGES})
  UNION ALL
  SELECT last.* FROM unnest($1::text[]) AS wanted (id) CROSS JOIN LATERAL (
    SELECT id, monitor_id, at, verdict FROM verdict_changes WHERE monitor_id = wanted.id AND at <= $2
    ORDER BY at DESC, id DESC LIMIT 1) last
  ORDER BY id`;

/** @param entries in ascending order. */
function wellBetween(entries: readonly EntryRow[]): Stretch[] {
  return entries.flatMap(({ type, data }, n) => {
    const from = entries[n - 1]?.data.recoveredAt;
    return type === "reopened" && from && data.startedAt ? [{ from, to: data.startedAt }] : [];
  });
}

function toSighting({ at, type, data: { level, startedAt, recoveredAt } }: EntryRow): Sighting[] {
  if (type === "resolved") return recoveredAt ? [{ at: at.getTime(), since: recoveredAt, verdict: "up" }] : [];
  return startedAt && level ? [{ at: at.getTime(), since: startedAt, verdict: level }] : [];
}
