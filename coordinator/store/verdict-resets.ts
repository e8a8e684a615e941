import type { Monitor } from "../../shared/monitor.ts";
import type { Ending } from "../incidents/closing.ts";
import { close } from "../incidents/closing.ts";
import { judgedAnew } from "../verdict/anew.ts";
import type { VerdictState } from "../verdict/state.ts";
import { initialState } from "../verdict/state.ts";
import type { Verdict } from "../verdict/verdict.ts";
import { latestIncidents, writeCourses } from "./incidents.ts";
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

/** A monitor's status, locked against those who judge it; null when there is no such monitor. */
export async function lockStatus(client: PostgresClient, monitorId: string): Promise<LockedStatus | null> {
  const { rows } = await client.query<{ verdict: Verdict; since: Date; state: VerdictState | null }>(
    "SELECT verdict, since, state FROM monitor_status WHERE monitor_id = $1 FOR UPDATE",
    [monitorId],
  );
  return rows[0] ? { ...rows[0], since: rows[0].since.getTime(), state: rows[0].state ?? initialState } : null;
}

export interface LockedStatus {
  readonly verdict: Verdict;
  /** Since when people are shown this, in ms since the epoch. */
  readonly since: number;
  readonly state: VerdictState;
}

/**
 * Judges a monitor from nothing after a change of what is judged. An open incident
 * stays open, and what was established is remembered, so that finding the same again
 * is no news; a pause ends it.
 * @param by who changed it; null where that is not known.
 */
export async function beginAnew(
  client: PostgresClient,
  { id: monitorId, enabled, updatedAt: at }: Pick<Monitor, "id" | "enabled" | "updatedAt">,
  by: string | null,
): Promise<void> {
  const status = await lockStatus(client, monitorId);
  if (!status) return;
  const state = judgedAnew(status.state, enabled, at);
  const { verdict } = state;
  await client.query(
    `UPDATE monitor_status SET verdict = $2, state = $3, due_at = NULL,
            since = CASE WHEN verdict = $2 THEN since ELSE $4 END WHERE monitor_id = $1`,
    [monitorId, verdict, JSON.stringify(state), new Date(at)],
  );
  if (status.verdict !== verdict) await recordVerdict(client, monitorId, verdict, new Date(at));
  if (!enabled) await endWatch(client, monitorId, status, { reason: "paused", by, at });
}

/** Ends a monitor's open incident when there is nothing left to judge, and has those told who heard of its trouble. */
export async function endWatch(
  client: PostgresClient,
  monitorId: string,
  { verdict, since, state: { flapping, silent } }: LockedStatus,
  ending: Ending,
): Promise<void> {
  const incident = (await latestIncidents(client, [monitorId])).get(monitorId) ?? null;
  // Since when is known while it is what people are shown.
  const silence = silent ? { since: verdict === "unknown" ? since : null } : null;
  await writeCourses(client, [close({ monitorId, incident, flapping, silence }, ending)]);
}

async function recordVerdict(client: PostgresClient, monitorId: string, verdict: Verdict, at: Date): Promise<void> {
  await client.query("INSERT INTO verdict_changes (monitor_id, at, verdict) VALUES ($1, $2, $3)", [
    monitorId,
    at,
    verdict,
  ]);
}
