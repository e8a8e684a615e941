import { setTimeout as sleep } from "node:timers/promises";
import { UnrecoverableError } from "bullmq";
import { isIdOf } from "../../shared/agent-secret.ts";
import type { Clock } from "../../shared/clock.ts";
import type { Part } from "../../shared/lifecycle.ts";
import type { Logger } from "../../shared/logger.ts";
import type { Monitor } from "../../shared/monitor.ts";
import type { Miss, Result } from "../../shared/result.ts";
import { phaseNames } from "../../shared/result.ts";
import type { Metrics } from "../metrics.ts";
import { MAX_EARLY_MS } from "../schedule/due.ts";
import type { Schedule } from "../schedule/schedule.ts";
import { endedAt, keyOf } from "../store/result-rows.ts";
import type { StoredResult } from "../store/results.ts";
import type { RegionResult } from "../store/verdicts.ts";
import type { Message } from "./message.ts";
import { readMessage, Unfit } from "./message.ts";
import { createRecentKeys } from "./recent.ts";
import type { Statuses } from "./statuses.ts";
import type { Arrival, Storage } from "./storage.ts";

/** Long enough for a job whose worker died to come back, and then some. */
const REMEMBER = { perGeneration: 500_000, maxAgeMs: 300_000 };
/** Another coordinator may know of a new monitor a little earlier; in ms. */
const LEARN_MS = 1_000;
/** A job comes again when its lock has run out and that is noticed, which takes less than this, in ms. */
const REDELIVERED_MS = 60_000;
/** Two deliveries are told apart by when they came, and a region's check from its next: that comes later than this, in ms. */
const TOLD_APART_MS = 20;
/** The same quarantine is logged no more often, in ms. */
const QUARANTINE_LOG_MS = 10_000;

export interface Ingest extends Part {
  /**
   * Takes in what came through a region's results queue. Resolves when all of it
   * is stored or durably spooled; until then the queue keeps it.
   * @param repeated the job was given to a worker before.
   * @param author the agent that added it, where the queue tells; null where it does not.
   * @throws UnrecoverableError when it is not a batch of results, or of another agent: no repetition mends it.
   */
  take(region: string, payload: unknown, repeated: boolean, author?: string | null): Promise<void>;
}

export interface IngestDeps {
  readonly storage: Storage;
  readonly statuses: Statuses;
  readonly monitorOf: (monitorId: string) => Monitor | undefined;
  /** Whether the schedule has a check. */
  readonly isScheduled: Schedule["contains"];
  /** Told which agent answered through which region's queue, and how long ago, in ms: a queue may be behind. */
  readonly onSignOfLife: (region: string, agentId: string, agoMs: number) => void;
  /** How long results are kept, in ms. */
  readonly keepMs: number;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/** Results go to the store and to the verdict by ways that do not wait for each other. */
export function createIngest({
  storage,
  statuses,
  monitorOf,
  isScheduled,
  onSignOfLife,
  keepMs,
  clock,
  metrics,
  logger,
}: IngestDeps): Ingest {
  const seen = createRecentKeys({ ...REMEMBER, now: () => clock.monotonic() });
  const loggedAt = new Map<string, number>();

  function quarantine(region: string, { reason, message }: Unfit): void {
    metrics.quarantined.inc({ reason });
    const now = clock.monotonic();
    if (now - (loggedAt.get(reason) ?? Number.NEGATIVE_INFINITY) < QUARANTINE_LOG_MS) return;
    loggedAt.set(reason, now);
    logger.warn({ region, reason, rule: message }, "Quarantined what came through a results queue");
  }

  function read(region: string, payload: unknown, author: string | null): Message {
    try {
      const now = clock.now();
      const message = readMessage(payload, now, now - keepMs);
      if (author === null || isIdOf(author, message.agentId)) return message;
      throw new Unfit("foreign_agent", `agentId must be that of ${author}, which sent it`);
    } catch (thrown) {
      if (!(thrown instanceof Unfit)) throw thrown;
      quarantine(region, thrown);
      throw new UnrecoverableError(`not a batch of results: ${thrown.message}`);
    }
  }

  /** A region speaks for what is checked in it, or was before the monitor's latest change. */
  function belongs(region: string, { monitorId, scheduledAt }: Result | Miss): boolean {
    const monitor = monitorOf(monitorId);
    let unfit: Unfit;
    if (!monitor) unfit = new Unfit("unknown_monitor", `there is no monitor ${monitorId}`);
    else if (monitor.regions === "all" || monitor.regions.includes(region)) return true;
    else if (scheduledAt < monitor.updatedAt + LEARN_MS) return true;
    else unfit = new Unfit("foreign_region", `monitor ${monitorId} is not checked in ${region}`);
    quarantine(region, unfit);
    return false;
  }

  /** Only the result of a check of the schedule is a vote, or of one beside it, and not before its time. */
  function isVote({ result }: Arrival): boolean {
    const { attempt, scheduledAt, receivedAt } = result;
    const isAsked = (attempt > 0 || isScheduled(result)) && scheduledAt <= receivedAt + MAX_EARLY_MS;
    if (!isAsked) metrics.unasked.inc();
    return isAsked;
  }

  /** Those that are new to this process, as they are stored. */
  function sift(region: string, { agentId, results }: Message, repeated: boolean): Arrival[] {
    const receivedAt = clock.now();
    const arrivals: Arrival[] = [];
    for (const sent of results) {
      if (!belongs(region, sent)) continue;
      const { rerun, ...result } = sent;
      const stored: StoredResult = { ...result, region, agentId, receivedAt };
      if (seen.add(keyOf(stored))) arrivals.push({ result: stored, repeated: repeated || rerun === true });
      else metrics.repeated.inc();
    }
    return arrivals;
  }

  return {
    async take(region, payload, repeated, author = null) {
      const message = read(region, payload, author);
      for (const unfit of message.unfit) quarantine(region, unfit);
      const { results, misses } = message;
      const latest = Math.max(...results.map(({ startedAt, latencyMs }) => startedAt + latencyMs));
      onSignOfLife(region, message.agentId, results.length === 0 ? 0 : Math.max(0, clock.now() - latest));
      metrics.jobResults.observe(results.length);
      if ([...results, ...misses].some(({ monitorId }) => !monitorOf(monitorId))) await sleep(LEARN_MS);
      const arrivals = sift(region, message, repeated);
      metrics.taken.inc(arrivals.length);
      const missed = misses.filter((miss) => belongs(region, miss)).map((miss) => ({ ...miss, region }));
      const judged = statuses.add(arrivals.filter(isVote).map(({ result }) => toVote(result)));
      try {
        await Promise.all([storage.addResults(arrivals.map(asFirstTaken)), storage.addMisses(missed)]);
      } catch (thrown) {
        // Not stored after all: whoever takes the job next must not take them for repetitions.
        for (const { result } of arrivals) seen.remove(keyOf(result));
        throw thrown;
      }
      await judged;
    },
    start: storage.start,
    async stop() {
      await Promise.all([storage.stop(), statuses.stop()]);
    },
  };
}

/**
 * What is judged again from the store is so as of when it came. A job that comes again was
 * taken when its checks had ended, by a coordinator that was killed before it had stored
 * what it judged; unless that was so long ago that an agent had kept it.
 */
function asFirstTaken(arrival: Arrival): Arrival {
  const { result, repeated } = arrival;
  const sinceMs = result.receivedAt - endedAt(result);
  if (!repeated || sinceMs < 0 || sinceMs > REDELIVERED_MS) return arrival;
  const receivedAt = endedAt(result) + Math.min(sinceMs, result.receivedAt % TOLD_APART_MS);
  return { ...arrival, result: { ...result, receivedAt } };
}

function toVote(result: StoredResult): RegionResult {
  const { monitorId, region, status, scheduledAt, attempt, latencyMs, statusCode, address, error, phases } = result;
  return {
    monitorId,
    region,
    status,
    scheduledAt: Math.floor(scheduledAt),
    attempt,
    checkedAt: endedAt(result),
    receivedAt: Math.floor(result.receivedAt),
    latencyMs,
    statusCode,
    address,
    // The phase that failed is the last that was reached.
    phase: error === null ? null : (phaseNames.findLast((name) => phases[name] !== undefined) ?? null),
    certificate: result.certificate?.fingerprint ?? null,
    certificateExpiresAt: result.certificate?.expiresAt ?? null,
    error,
  };
}
