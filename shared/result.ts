import { z } from "zod";
import { missReasons } from "./check.ts";
import { checkErrorCodes } from "./errors.ts";

/** `error` means that the agent failed and the target was not judged. */
export const resultStatuses = ["up", "degraded", "down", "error"] as const;
export type ResultStatus = (typeof resultStatuses)[number];

export const phaseNames = ["dnsMs", "connectMs", "tlsMs", "firstByteMs", "transferMs"] as const;
export type PhaseName = (typeof phaseNames)[number];

const text = (max: number) => z.string().max(max);
const epochMs = z.number().min(0).max(8.64e15);
const durationMs = z.number().min(0).max(86_400_000);

const key = {
  monitorId: text(64).min(1),
  round: z.int().min(0),
  attempt: z.int().min(0).max(0xffff_ffff),
  scheduledAt: epochMs,
};

/**
 * What a check found. Its phases sum to its latency; a phase that was not reached
 * or does not exist for the type is absent, and a failed phase lasts until it failed.
 */
const result = z.object({
  ...key,
  startedAt: epochMs,
  /** How long after its instant the check started, in ms; by the agent's corrected clock. */
  latenessMs: z.number().min(-60_000).max(86_400_000),
  status: z.enum(resultStatuses),
  latencyMs: durationMs,
  phases: z.partialRecord(z.enum(phaseNames), durationMs),
  statusCode: z.int().min(100).max(999).nullable(),
  /** The address connected to (of the last hop), without the port. */
  address: text(64).nullable(),
  bodyBytes: z.int().min(0).nullable(),
  /** The certificate that the target showed over TLS; absent without one. */
  certificate: z
    .object({
      /** SHA-256, as 64 hexadecimal digits. */
      fingerprint: text(64),
      expiresAt: epochMs,
    })
    .optional(),
  error: z.object({ code: z.enum(checkErrorCodes), message: text(1_000) }).nullable(),
  /** Each failed assertion as people read it, such as `status eq 200: was 503`. */
  failedAssertions: z.array(text(500)).max(50),
  /** The check may have been given to an agent before, and so may have another result. */
  rerun: z.literal(true).optional(),
});

/** A check that was not run. */
const miss = z.object({ ...key, reason: z.enum(missReasons) });

/**
 * The payload of one job in a region's results queue. A batch without results or
 * misses is a sign of life for when the link to the coordinator is down.
 */
export const resultBatch = z.object({
  v: z.literal(1),
  agentId: text(64).min(1),
  results: z.array(result).max(1_000),
  misses: z.array(miss).max(1_000),
});

export type Result = Readonly<z.output<typeof result>>;
export type Miss = Readonly<z.output<typeof miss>>;
export type ResultBatch = Readonly<z.output<typeof resultBatch>>;
export type Phases = Result["phases"];
