import type { Monitor } from "../../shared/monitor.ts";
import type { Resolution } from "../incidents/incident.ts";
import { judgedAnew } from "../verdict/anew.ts";
import type { VerdictState } from "../verdict/state.ts";
import { initialState } from "../verdict/state.ts";
import type { Verdict } from "../verdict/verdict.ts";
import { writeTimeline } from "./incidents.ts";
import type { PostgresClient } from "./postgres.ts";

/** The status of a monitor that is new. */
export async function beginStatus(client: PostgresClient, monitorId: string, enabled: boolean): Promise<void> {
  const verdict: Verdict = enabled ? "unknown" : "paused";
  const { rows } = await client.query<{ since: Date }>(
    "INSERT INTO monitor_status (monitor_id, verdict, state) VALUES ($1, $2, $3) RETURNING since",
    [monitorId, verdict, JSON.stringify({ ...initialState, verdict } satisfies VerdictState)],
  );
  await recordVerdict(client, monitorId, verdict, rows[0]?.since ?? new Date());
}

/**
 * Judges a monitor from nothing after a change of what is judged. An open incident
 * stays open, and what was established is remembered, so that finding the same again
 * is no news; a pause ends it.
 */
export async function beginAnew(
  client: PostgresClient,
  { id: monitorId, enabled, updatedAt: at }: Pick<Monitor, "id" | "enabled" | "updatedAt">,
): Promise<void> {
  const { rows } = await client.query<{ verdict: Verdict; state: VerdictState | null }>(
    "SELECT verdict, state FROM monitor_status WHERE monitor_id = $1 FOR UPDATE",
    [monitorId],
  );
  const row = rows[0];
  if (!row) return;
  const state = judgedAnew(row.state ?? initialState, enabled, at);
  const { verdict } = state;
  await client.query(
    `UPDATE monitor_status SET verdict = $2, state = $3, due_at = NULL,
            since = CASE WHEN verdict = $2 THEN since ELSE $4 END WHERE monitor_id = $1`,
    [monitorId, verdict, JSON.stringify(state), new Date(at)],
  );
  if (row.verdict !== verdict) await recordVerdict(client, monitorId, verdict, new Date(at));
  if (!enabled) await endIncident(client, monitorId, "paused", at);
}

/** Ends a monitor's open incident when there is nothing left to judge. Nobody is told: somebody did it on purpose. */
export async function endIncident(
  client: PostgresClient,
  monitorId: string,
  resolution: Resolution,
  at: number,
): Promise<void> {
  const { rows } = await client.query<{ id: string }>(
    "UPDATE incidents SET resolved_at = $2, resolution = $3 WHERE monitor_id = $1 AND resolved_at IS NULL RETURNING id",
    [monitorId, new Date(at), resolution],
  );
  await writeTimeline(
    client,
    rows.map(({ id }) => ({ type: "resolved", at, monitorId, incidentId: id, data: { resolution } })),
  );
}

async function recordVerdict(client: PostgresClient, monitorId: string, verdict: Verdict, at: Date): Promise<void> {
  await client.query("INSERT INTO verdict_changes (monitor_id, at, verdict) VALUES ($1, $2, $3)", [
    monitorId,
    at,
    verdict,
  ]);
}
