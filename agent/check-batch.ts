import { UnrecoverableError } from "bullmq";
import type { Check, CheckBatch } from "../shared/check.ts";

/** No batch may hold more checks than this, whoever built it. */
const MAX_CHECKS = 1_000;
/** A check that is due later than this was not meant for now, in ms. */
const MAX_AHEAD_MS = 300_000;
const MAX_TIMEOUT_MS = 120_000;

/**
 * The batch in a job's data. It is looked at by hand: that costs microseconds,
 * and the agent does not load the schemas.
 * @throws UnrecoverableError naming the field and its rule; the job is not tried again.
 */
export function readBatch(data: unknown, now: number): CheckBatch {
  demand(isRecord(data), "it must be an object");
  const batch = data as CheckBatch;
  const { v, checks } = batch;
  demand(v === 1, "v must be 1");
  demand(Array.isArray(checks) && checks.length <= MAX_CHECKS, `checks must be a list of at most ${MAX_CHECKS}`);
  for (const [index, check] of checks.entries()) demandCheck(check, `checks.${index}`, now);
  return batch;
}

function demandCheck(check: Check, path: string, now: number): void {
  demand(isRecord(check), `${path} must be an object`);
  const { monitorId, round, attempt, scheduledAt, expiresAt, timeoutMs, assertions, type } = check;
  demand(
    typeof monitorId === "string" && monitorId !== "" && monitorId.length <= 64,
    `${path}.monitorId must be an id`,
  );
  demand(isCount(round), `${path}.round must be a whole number`);
  demand(isCount(attempt), `${path}.attempt must be a whole number`);
  demand(Number.isFinite(scheduledAt) && scheduledAt >= 0, `${path}.scheduledAt must be ms since the epoch`);
  demand(scheduledAt - now < MAX_AHEAD_MS, `${path}.scheduledAt must be less than ${MAX_AHEAD_MS} ms ahead`);
  demand(Number.isFinite(expiresAt) && expiresAt >= 0, `${path}.expiresAt must be ms since the epoch`);
  demand(timeoutMs > 0 && timeoutMs <= MAX_TIMEOUT_MS, `${path}.timeoutMs must be up to ${MAX_TIMEOUT_MS}`);
  demand(Array.isArray(assertions), `${path}.assertions must be a list`);
  demand(typeof type === "string", `${path}.type must be text`);
  demand(isRecord((check as unknown as Record<string, unknown>)[type]), `${path}.${type} must be an object`);
}

function demand(holds: boolean, rule: string): void {
  if (!holds) throw new UnrecoverableError(`not a batch of checks: ${rule}`);
}

function isRecord(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
