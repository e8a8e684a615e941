import { setTimeout as sleep } from "node:timers/promises";
import type { Worker } from "bullmq";
import { UnrecoverableError, WaitingError } from "bullmq";
import { errorText } from "../../shared/errors.ts";
import type { Part } from "../../shared/lifecycle.ts";
import { withDeadline } from "../../shared/lifecycle.ts";
import type { Logger } from "../../shared/logger.ts";
import type { QueueAccess, ResultsQueue } from "../../shared/queues.ts";
import { openQueue, openWorker, resultsQueueName } from "../../shared/queues.ts";
import type { ResultBatch } from "../../shared/result.ts";
import { backoffMs } from "../../shared/retry.ts";
import type { Metrics } from "../metrics.ts";
import { hasForgedParent, isBrokenJob, removeBrokenJobs } from "./broken-jobs.ts";
import type { Ingest } from "./ingest.ts";
import { authorOf } from "./message.ts";

/** Jobs of a region in hand at once. They wait for storage together, in one batch a second. */
const CONCURRENCY = 500;
/**
 * How much of results may be in hand at once over all regions, in characters of JSON: some
 * 20,000 usual results, of which a batch a second is made. Beyond it each worker takes one
 * job at a time. It is what bounds memory while a store is slow or away.
 */
const MAX_IN_HAND = 8 * 2 ** 20;
const LOCK_MS = 30_000;
const STALLED_EVERY_MS = 15_000;
/** A job is not to blame for the coordinators that were killed over it. */
const MAX_STALLED = 1_000;
/** An idle fetch ends after 5 s or so; a worker without one for this long, in ms, is not at work, whatever it says. */
const SILENT_MS = 60_000;
const LOOK_EVERY_MS = 5_000;
const REOPEN = { baseMs: 500, capMs: 30_000 };
/** How long a stop waits for the jobs in hand, in ms; the next coordinator finds what is left stalled. */
const STOP_DEADLINE_MS = 4_000;

export interface ResultsWorkers extends Part {
  /** Sees to it that each of these regions has a worker on its results queue, from the start on. */
  serve(regions: readonly string[]): void;
  /** How many jobs are in each region's results queue, by state. */
  depths(): Promise<Depth[]>;
}

/** How many jobs of a queue are in a state. */
export type Depth = readonly [{ readonly queue: string; readonly state: string }, number];

interface Station {
  readonly access: QueueAccess;
  readonly queue: ResultsQueue;
  worker?: ResultsWorker;
  /** What that worker has in hand, in characters. */
  inHand: number;
  sweeping?: Promise<void> | undefined;
  /** When a fetch was last completed, or the worker opened; on the monotonic clock. */
  fetchedAt: number;
  /** How often it has been opened in a row without a completed fetch. */
  openings: number;
  opening: boolean;
}

type ResultsWorker = Worker<ResultBatch, void, string>;

/**
 * One worker per region: the region of a result is the queue that it came through.
 * A worker that ended, or whose fetches do, is closed and opened anew.
 */
export function createResultsWorkers({
  accessTo,
  ingest,
  silentMs = SILENT_MS,
  maxInHand = MAX_IN_HAND,
  metrics,
  logger,
}: {
  /** How the results queue of a region is worked on: agents write it, so with no right on anything else. */
  readonly accessTo: (region: string) => Promise<Pick<QueueAccess, "server" | "leastPrivilege">>;
  readonly ingest: Pick<Ingest, "take">;
  readonly silentMs?: number;
  readonly maxInHand?: number;
  readonly metrics: Pick<Metrics, "quarantined">;
  readonly logger: Logger;
}): ResultsWorkers {
  const stations = new Map<string, Station>();
  const wanted = new Set<string>();
  let started = false;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;

  /** Holds the workers back while there is too much in hand. */
  function throttle(): void {
    const all = [...stations.values()];
    const isTooMuch = all.reduce((sum, { inHand }) => sum + inHand, 0) > maxInHand;
    for (const { worker } of all) if (worker) worker.concurrency = isTooMuch ? 1 : CONCURRENCY;
  }

  function open(
    region: string,
    { access }: Station,
    told: { onFetch(): void; onHeld(change: number): void },
  ): ResultsWorker {
    const worker = openWorker<ResultBatch>(
      resultsQueueName(region),
      async (job, token) => {
        if (hasForgedParent(job)) {
          await sweep(region);
          throw new WaitingError();
        }
        try {
          const repeated = job.attemptsStarted > 1 || job.stalledCounter > 0;
          await ingest.take(region, job.data, repeated, authorOf(job.id ?? ""));
        } catch (thrown) {
          if (thrown instanceof UnrecoverableError) throw thrown;
          // Not the job's fault: it goes back and has lost no attempt.
          await job.moveToWait(token);
          throw new WaitingError();
        }
      },
      {
        ...access,
        concurrency: CONCURRENCY,
        lockDurationMs: LOCK_MS,
        stalledIntervalMs: STALLED_EVERY_MS,
        maxStalledCount: MAX_STALLED,
        ...told,
      },
    );
    worker.on("ready", () => logger.info({ region }, "BullMQ worker is ready"));
    worker.on("error", (thrown) => void (isBrokenJob(thrown) && sweep(region)));
    worker.on("failed", (job, thrown) =>
      logger.warn({ region, job: job?.id, reason: errorText(thrown) }, "A results job failed"),
    );
    return worker;
  }

  /** One sweep at a time: each fetch of a broken job asks for one. */
  async function sweep(region: string): Promise<void> {
    const station = stations.get(region);
    if (!station) return;
    station.sweeping ??= removeBrokenJobs(station.queue)
      .then((removed) => {
        if (removed === 0) return;
        metrics.quarantined.inc({ reason: "broken_job" }, removed);
        logger.warn({ region, removed }, "Removed results jobs that nobody can work on");
      })
      .catch((thrown) => logger.warn({ region, reason: errorText(thrown) }, "Broken results jobs could not be removed"))
      .finally(() => {
        station.sweeping = undefined;
      });
    await station.sweeping;
  }

  async function man(region: string): Promise<void> {
    const access = { ...(await accessTo(region)), logger };
    if (stopped) return;
    const queue = openQueue<ResultBatch>(resultsQueueName(region), access);
    const station: Station = { access, queue, inHand: 0, fetchedAt: 0, openings: 0, opening: false };
    stations.set(region, station);
    run(region, station);
  }

  function manAll(regions: Iterable<string>): void {
    for (const region of regions) {
      man(region).catch((thrown) => {
        if (!stopped) logger.error({ region, reason: errorText(thrown) }, "A region's results have no worker");
      });
    }
  }

  function run(region: string, station: Station): void {
    station.fetchedAt = performance.now();
    station.inHand = 0;
    const worker = open(region, station, {
      onFetch() {
        station.fetchedAt = performance.now();
        station.openings = 0;
      },
      onHeld(change) {
        if (station.worker !== worker) return; // One that was given up ends what it had.
        station.inHand += change;
        throttle();
      },
    });
    station.worker = worker;
    worker.run().then(
      () => reopen(region, station, worker, "it ended"),
      (thrown) => reopen(region, station, worker, errorText(thrown)),
    );
  }

  async function reopen(region: string, station: Station, worker: ResultsWorker, reason: string): Promise<void> {
    if (stopped || station.opening || station.worker !== worker) return;
    station.opening = true;
    logger.error({ region, reason }, "A results worker is opened anew");
    worker.close(true).catch((thrown) => logger.warn({ region, reason: errorText(thrown) }, "It did not close"));
    await sleep(backoffMs(station.openings++, REOPEN));
    station.opening = false;
    if (!stopped) run(region, station);
  }

  return {
    async start() {
      started = true;
      manAll(wanted);
      timer = setInterval(
        () => {
          for (const [region, station] of stations) {
            if (performance.now() - station.fetchedAt < silentMs) continue;
            if (station.worker) void reopen(region, station, station.worker, `no fetch within ${silentMs} ms`);
          }
        },
        Math.min(silentMs, LOOK_EVERY_MS),
      );
    },
    serve(regions) {
      const added = regions.filter((region) => !wanted.has(region));
      for (const region of added) wanted.add(region);
      if (started && !stopped) manAll(added);
    },
    async depths() {
      const counts = await Promise.allSettled(
        [...stations.values()].map(async ({ queue }) => {
          const found = await queue.getJobCounts("wait", "active", "delayed", "failed");
          return Object.entries(found).map(([state, count]): Depth => [{ queue: queue.name, state }, count]);
        }),
      );
      return counts.flatMap((count) => (count.status === "fulfilled" ? count.value : []));
    },
    async stop() {
      stopped = true;
      clearInterval(timer);
      const all = [...stations.values()];
      const workers = all.flatMap(({ worker }) => worker ?? []);
      const closed = Promise.all(workers.map((worker) => worker.close()));
      await withDeadline(closed, STOP_DEADLINE_MS, "the jobs in hand ended").catch(async (thrown) => {
        logger.warn({ reason: errorText(thrown) }, "Results jobs are left behind");
        await Promise.all(workers.map((worker) => worker.close(true)));
      });
      await Promise.all(all.map(({ queue }) => queue.close()));
    },
  };
}
