import type { MissReason } from "../../shared/check.ts";
import { missReasons } from "../../shared/check.ts";
import { checkErrorCodes } from "../../shared/errors.ts";
import type { Miss, Result, ResultStatus } from "../../shared/result.ts";
import { phaseNames, resultStatuses } from "../../shared/result.ts";

/** Why something that came through a results queue was not taken in. */
const quarantineReasons = [
  "malformed",
  "oversized",
  "broken_job",
  "unknown_monitor",
  "foreign_region",
  "foreign_agent",
  "clock",
] as const;
export type QuarantineReason = (typeof quarantineReasons)[number];

/** What breaks a rule of the message, or lies where it cannot belong. */
export class Unfit extends Error {
  override readonly name = "Unfit";
  readonly reason: QuarantineReason;
  constructor(reason: QuarantineReason, rule: string) {
    super(rule);
    this.reason = reason;
  }
}

export interface Message {
  readonly agentId: string;
  readonly results: readonly Result[];
  readonly misses: readonly Miss[];
  /** What of the batch is not fit to be taken in; the rest is. */
  readonly unfit: readonly Unfit[];
}

/**
 * Who added a job to a results queue, where its id tells: Redis lets an enrolled agent write under ids only that begin
 * with its own. Null for who shares a token and calls itself what it likes.
 */
export function authorOf(jobId: string): string | null {
  return /^(agt_[0-9a-z]{20})[.-]/.exec(jobId)?.[1] ?? null;
}

const MAX_ENTRIES = 1_000;
const MAX_DURATION_MS = 86_400_000;
/** No check is due later than this when its result arrives, in ms, whatever the clocks say. */
const MAX_AHEAD_MS = 60_000;
const MAX_ATTEMPT = 0xffff_ffff;

const statuses: ReadonlySet<unknown> = new Set(resultStatuses);
const errorCodes: ReadonlySet<unknown> = new Set(checkErrorCodes);
const reasons: ReadonlySet<unknown> = new Set(missReasons);

/**
 * A job's data as a batch of results, by the rules of shared/result.ts. They are
 * written out here because this runs for every result, and a schema costs ten times
 * as much. Each entry stands for itself: what is unfit is left out and told.
 * @param oldest nothing that was due before this instant is kept anyway, in ms since the epoch.
 * @throws Unfit when it is no batch at all.
 */
export function readMessage(data: unknown, now: number, oldest: number): Message {
  demand(isRecord(data), "it must be an object");
  demand(data.v === 1, "v must be 1");
  const { agentId, results, misses } = data;
  demand(isName(agentId), "agentId must be 1 to 64 visible ASCII characters");
  demand(Array.isArray(results), "results must be a list");
  demand(Array.isArray(misses), "misses must be a list");
  if (results.length > MAX_ENTRIES || misses.length > MAX_ENTRIES) {
    throw new Unfit("oversized", `results and misses must be at most ${MAX_ENTRIES} each`);
  }
  const unfit: Unfit[] = [];
  const pick = <T>(entries: readonly unknown[], list: string, read: (entry: unknown) => T & { scheduledAt: number }) =>
    entries.flatMap((entry, index): T[] => {
      try {
        const value = read(entry);
        demandTime(value.scheduledAt, now, oldest);
        return [value];
      } catch (thrown) {
        if (!(thrown instanceof Unfit)) throw thrown;
        unfit.push(new Unfit(thrown.reason, `${list}.${index}.${thrown.message}`));
        return [];
      }
    });
  return {
    agentId,
    results: pick<Result>(results, "results", readResult),
    misses: pick<Miss>(misses, "misses", readMiss),
    unfit,
  };
}

function readKey(entry: Record<string, unknown>) {
  const { monitorId, round, attempt, scheduledAt } = entry;
  demand(isName(monitorId), "monitorId must be 1 to 64 visible ASCII characters");
  demand(isCount(round, Number.MAX_SAFE_INTEGER), "round must be a whole number");
  demand(isCount(attempt, MAX_ATTEMPT), "attempt must be a whole number of 32 bits");
  demand(isWithin(scheduledAt, 0, 8.64e15), "scheduledAt must be ms since the epoch");
  return { monitorId, round, attempt, scheduledAt };
}

function readResult(entry: unknown): Result {
  demand(isRecord(entry), "must be an object");
  const { monitorId, round, attempt, scheduledAt } = readKey(entry);
  const { startedAt, latenessMs, status, latencyMs, phases, statusCode, address, bodyBytes } = entry;
  demand(isWithin(startedAt, 0, 8.64e15), "startedAt must be ms since the epoch");
  demand(
    isWithin(startedAt, scheduledAt - MAX_DURATION_MS, scheduledAt + MAX_DURATION_MS),
    "startedAt must be within a day of scheduledAt",
  );
  demand(isWithin(latenessMs, -60_000, MAX_DURATION_MS), "latenessMs must be from -1 minute to 1 day");
  demand(statuses.has(status), "status must be up, degraded, down or error");
  demand(isWithin(latencyMs, 0, MAX_DURATION_MS), "latencyMs must be up to 1 day");
  demand(isRecord(phases), "phases must be an object");
  const { dnsMs, connectMs, tlsMs, firstByteMs, transferMs } = phases;
  const isPhase = (ms: unknown) => ms === undefined || isWithin(ms, 0, MAX_DURATION_MS);
  demand(
    isPhase(dnsMs) && isPhase(connectMs) && isPhase(tlsMs) && isPhase(firstByteMs) && isPhase(transferMs),
    `phases must be ${phaseNames.join(", ")}, each up to 1 day`,
  );
  demand(
    statusCode === null || (isCount(statusCode, 999) && (statusCode as number) >= 100),
    "statusCode must be null or from 100 to 999",
  );
  demand(address === null || isName(address), "address must be null or up to 64 visible ASCII characters");
  demand(bodyBytes === null || isCount(bodyBytes, MAX_ATTEMPT), "bodyBytes must be null or a whole number");
  return {
    monitorId,
    round,
    attempt,
    scheduledAt,
    startedAt,
    latenessMs,
    status: status as ResultStatus,
    latencyMs,
    phases: phases as Result["phases"],
    statusCode: statusCode as number | null,
    address,
    bodyBytes: bodyBytes as number | null,
    error: readError(entry.error),
    failedAssertions: readAssertions(entry.failedAssertions),
    ...(entry.certificate !== undefined && { certificate: readCertificate(entry.certificate) }),
    ...(entry.rerun === true && { rerun: true }),
  };
}

function readError(error: unknown): Result["error"] {
  if (error === null) return null;
  demand(isRecord(error), "error must be null or an object");
  demand(errorCodes.has(error.code), "error.code must be one of the codes");
  return {
    code: error.code as NonNullable<Result["error"]>["code"],
    message: readText(error.message, 1_000, "error.message"),
  };
}

function readCertificate(certificate: unknown): NonNullable<Result["certificate"]> {
  demand(isRecord(certificate), "certificate must be an object");
  const { fingerprint, expiresAt } = certificate;
  demand(
    typeof fingerprint === "string" && /^[0-9a-f]{64}$/.test(fingerprint),
    "certificate.fingerprint must be 64 hexadecimal digits",
  );
  demand(isWithin(expiresAt, 0, 8.64e15), "certificate.expiresAt must be ms since the epoch");
  return { fingerprint, expiresAt };
}

function readAssertions(list: unknown): string[] {
  demand(Array.isArray(list), "failedAssertions must be a list");
  if (list.length === 0) return list;
  if (list.length > 50) throw new Unfit("oversized", "failedAssertions must be at most 50");
  return list.map((text) => readText(text, 500, "failedAssertions"));
}

function readMiss(entry: unknown): Miss {
  demand(isRecord(entry), "must be an object");
  demand(reasons.has(entry.reason), `reason must be one of ${missReasons.join(", ")}`);
  return { ...readKey(entry), reason: entry.reason as MissReason };
}

/** PostgreSQL refuses NUL, ClickHouse halves of surrogate pairs, and with either a whole batch. */
function readText(text: unknown, max: number, field: string): string {
  demand(typeof text === "string", `${field} must be text`);
  if (text.length > max) throw new Unfit("oversized", `${field} must be at most ${max} characters`);
  return text.replace(/[\0\p{Surrogate}]/gu, "\ufffd");
}

function demandTime(scheduledAt: number, now: number, oldest: number): void {
  if (scheduledAt <= now + MAX_AHEAD_MS && scheduledAt >= oldest) return;
  throw new Unfit("clock", "scheduledAt must not be in the future, nor older than what is kept");
}

function demand(holds: boolean, rule: string): asserts holds {
  if (!holds) throw new Unfit("malformed", rule);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value.length <= 64 && /^[\x21-\x7e]+$/.test(value);
}

function isCount(value: unknown, max: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= max;
}

function isWithin(value: unknown, min: number, max: number): value is number {
  return typeof value === "number" && value >= min && value <= max;
}
