import { UnrecoverableError } from "bullmq";
import type { Clock } from "../../shared/clock.ts";
import type { Logger } from "../../shared/logger.ts";
import type { ResultBatch } from "../../shared/result.ts";
import { resultBatch } from "../../shared/result.ts";
import type { ResultStore, StoredMiss, StoredResult } from "../store/results.ts";
import type { RegionStatus } from "../store/status.ts";
import { createBatcher } from "./batcher.ts";
import { createRecentKeys } from "./recent.ts";

/** ClickHouse wants few, large inserts; people want to see results soon. */
const INSERT = { maxItems: 5_000, maxWaitMs: 250 };
/** A status is what a verdict waits for. */
const STATUS = { maxItems: 1_000, maxWaitMs: 50 };
/** A store that is away is waited for as long as the job's lock is renewed; then the job fails and is tried again. */
const RETRY_FOR_MS = 600_000;
/** Long enough for a job whose worker died to come back, and then some. */
const REMEMBER = { perGeneration: 500_000, maxAgeMs: 300_000 };

export interface Ingest {
  /**
   * Takes in what came through a region's results queue. Resolves when all of it
   * is stored; until then the queue keeps it.
   * @throws UnrecoverableError when it is not a batch of results: no repetition mends it.
   */
  take(region: string, payload: unknown): Promise<void>;
  /** Takes in misses that the coordinator itself found. */
  takeMisses(misses: readonly StoredMiss[]): void;
  /** Resolves when everything taken in is stored or given up. */
  drain(): Promise<void>;
}

export interface IngestDeps {
  readonly results: ResultStore;
  /** Keeps the statuses and judges their monitors; see verdict. */
  readonly applyStatuses: (statuses: readonly RegionStatus[]) => Promise<void>;
  readonly isKnownMonitor: (monitorId: string) => boolean;
  /** Told which agent answered through which region's queue. */
  readonly onSignOfLife: (region: string, agentId: string) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

export function createIngest({
  results,
  applyStatuses,
  isKnownMonitor,
  onSignOfLife,
  clock,
  logger,
}: IngestDeps): Ingest {
  const rows = createBatcher<StoredResult>({
    name: "results",
    ...INSERT,
    retryForMs: RETRY_FOR_MS,
    send: (batch) => results.append(batch),
    logger,
  });
  const misses = createBatcher<StoredMiss>({
    name: "misses",
    ...INSERT,
    retryForMs: RETRY_FOR_MS,
    send: (batch) => results.appendMisses(batch),
    logger,
  });
  const statuses = createBatcher<RegionStatus>({
    name: "statuses",
    ...STATUS,
    retryForMs: RETRY_FOR_MS,
    send: applyStatuses,
    logger,
  });
  const seen = createRecentKeys({ ...REMEMBER, now: () => clock.monotonic() });

  /** What of a batch is new and of a monitor that exists. */
  function sift(region: string, { agentId, results: all }: ResultBatch): StoredResult[] {
    const receivedAt = clock.now();
    const fresh = all.filter((result) => isKnownMonitor(result.monitorId) && seen.add(keyOf(region, result)));
    if (fresh.length < all.length) {
      logger.debug(
        { region, agentId, dropped: all.length - fresh.length },
        "Dropped results that were repeated or of no monitor",
      );
    }
    return fresh.map((result) => ({ ...result, region, agentId, receivedAt }));
  }

  return {
    async take(region, payload) {
      const parsed = resultBatch.safeParse(payload);
      if (!parsed.success) {
        const { path, message } = parsed.error.issues[0] ?? { path: [], message: "unreadable" };
        logger.warn({ region, field: path.join("."), rule: message }, "Quarantined a malformed batch of results");
        throw new UnrecoverableError(`malformed results: ${path.join(".")}: ${message}`);
      }
      const batch = parsed.data;
      onSignOfLife(region, batch.agentId);
      const fresh = sift(region, batch);
      const missed = batch.misses
        .filter(({ monitorId }) => isKnownMonitor(monitorId))
        .map((miss) => ({ ...miss, region }));
      try {
        await Promise.all([rows.add(fresh), statuses.add(fresh.map(toStatus)), misses.add(missed)]);
      } catch (thrown) {
        // Not stored after all: the job's next attempt must not take them for repetitions.
        for (const result of fresh) seen.remove(keyOf(region, result));
        throw thrown;
      }
    },
    takeMisses(found) {
      misses.add(found).catch(() => logger.error({ misses: found.length }, "Misses are lost to the account"));
    },
    async drain() {
      await Promise.all([rows.drain(), statuses.drain(), misses.drain()]);
    },
  };
}

function keyOf(region: string, { monitorId, round, attempt }: ResultBatch["results"][number]): string {
  return `${monitorId} ${region} ${round} ${attempt}`;
}

function toStatus(result: StoredResult): RegionStatus {
  const { monitorId, region, status, scheduledAt, attempt, latencyMs, statusCode, address, error } = result;
  return {
    monitorId,
    region,
    status,
    scheduledAt,
    attempt,
    checkedAt: result.startedAt + latencyMs,
    latencyMs,
    statusCode,
    address,
    error,
  };
}
