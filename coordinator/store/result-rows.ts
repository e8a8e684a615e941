import type { Miss, Result } from "../../shared/result.ts";

/** A result as it was received: with the region of the queue that it came through. */
export type StoredResult = Result & { readonly region: string; readonly agentId: string; readonly receivedAt: number };
export type StoredMiss = Miss & { readonly region: string };

/** The columns of `results` in the order of resultLine. */
export const resultColumns =
  "monitor_id, scheduled_at, region, round, attempt, agent_id, started_at, received_at, lateness_ms, status, latency_ms, " +
  "dns_ms, connect_ms, tls_ms, first_byte_ms, transfer_ms, status_code, address, body_bytes, error_code, error_message, failed_assertions";

/** A row in ClickHouse's format JSONCompactEachRow; it reads a bare number as the ticks of a DateTime64. */
export function resultLine(result: StoredResult): string {
  const { phases, error } = result;
  return JSON.stringify([
    result.monitorId,
    Math.floor(result.scheduledAt),
    result.region,
    result.round,
    result.attempt,
    result.agentId,
    Math.floor(result.startedAt),
    Math.floor(result.receivedAt),
    inMicroseconds(result.latenessMs),
    result.status,
    inMicroseconds(result.latencyMs),
    phases.dnsMs === undefined ? null : inMicroseconds(phases.dnsMs),
    phases.connectMs === undefined ? null : inMicroseconds(phases.connectMs),
    phases.tlsMs === undefined ? null : inMicroseconds(phases.tlsMs),
    phases.firstByteMs === undefined ? null : inMicroseconds(phases.firstByteMs),
    phases.transferMs === undefined ? null : inMicroseconds(phases.transferMs),
    result.statusCode,
    result.address,
    result.bodyBytes,
    error === null ? null : error.code,
    error === null ? "" : error.message,
    result.failedAssertions,
  ]);
}

/** As many decimals as are kept, and never an exponent. */
function inMicroseconds(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}

/** When a check ended, in whole ms since the epoch: what is judged at once and what is read again come to the same. */
export function endedAt({ startedAt, latencyMs }: Pick<StoredResult, "startedAt" | "latencyMs">): number {
  return Math.floor(Math.floor(startedAt) + inMicroseconds(latencyMs));
}

/** The columns of `misses` in the order of missLine. */
export const missColumns = "monitor_id, scheduled_at, region, round, attempt, reason";

export function missLine({ monitorId, scheduledAt, region, round, attempt, reason }: StoredMiss): string {
  return JSON.stringify([monitorId, Math.floor(scheduledAt), region, round, attempt, reason]);
}

/** What makes two results the same one. */
export function keyOf({
  monitorId,
  region,
  round,
  attempt,
}: Pick<StoredResult, "monitorId" | "region" | "round" | "attempt">): string {
  return `${monitorId} ${region} ${round} ${attempt}`;
}

const phaseColumns = {
  dnsMs: "dns_ms",
  connectMs: "connect_ms",
  tlsMs: "tls_ms",
  firstByteMs: "first_byte_ms",
  transferMs: "transfer_ms",
} as const;
type PhaseColumn = (typeof phaseColumns)[keyof typeof phaseColumns];

/** A row of `results` as JSONEachRow gives it, with its times also as ms since the epoch. */
export type ResultRow = Readonly<Record<PhaseColumn, number | null>> & {
  readonly monitor_id: string;
  readonly region: string;
  readonly agent_id: string;
  readonly round: number;
  readonly attempt: number;
  readonly scheduled_ms: number;
  readonly started_ms: number;
  readonly received_ms: number;
  readonly lateness_ms: number;
  readonly status: Result["status"];
  readonly latency_ms: number;
  readonly status_code: number | null;
  readonly address: string | null;
  readonly body_bytes: number | null;
  readonly error_code: NonNullable<Result["error"]>["code"] | null;
  readonly error_message: string;
  readonly failed_assertions: string[];
};

export function toResult(row: ResultRow): StoredResult {
  const phases: Result["phases"] = {};
  for (const [phase, column] of Object.entries(phaseColumns) as Array<[keyof typeof phaseColumns, PhaseColumn]>) {
    const ms = row[column];
    if (ms !== null) phases[phase] = ms;
  }
  return {
    monitorId: row.monitor_id,
    region: row.region,
    agentId: row.agent_id,
    round: row.round,
    attempt: row.attempt,
    scheduledAt: row.scheduled_ms,
    startedAt: row.started_ms,
    receivedAt: row.received_ms,
    latenessMs: row.lateness_ms,
    status: row.status,
    latencyMs: row.latency_ms,
    phases,
    statusCode: row.status_code,
    address: row.address,
    bodyBytes: row.body_bytes,
    error: row.error_code === null ? null : { code: row.error_code, message: row.error_message },
    failedAssertions: row.failed_assertions,
  };
}
