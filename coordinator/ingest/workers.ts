import { setTimeout as sleep } from "node:timers/promises";
import type { Worker } from "bullmq";
import { UnrecoverableError, WaitingError } from "bullmq";
import { errorText } from "../../shared/errors.ts";
import type { Part } from "../../shared/lifecycle.ts";
import { withDeadline } from "../../shared/lifecycle.ts";
import type { Logger } from "../../shared/logger.ts";
import type { QueueServer } from "../../shared/queues.ts";
import { openWorker, resultsQueueName } from "../../shared/queues.ts";
import type { ResultBatch } from "../../shared/result.ts";
import { backoffMs } from "../../shared/retry.ts";
import type { Ingest } from "./ingest.ts";

/** Jobs of a region in hand at once. They wait for storage together, in one batch. */
const CONCURRENCY = 200;
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
  /** Sees to it that each of these regions has a worker on its results queue. */
  serve(regions: readonly string[]): void;
  /** ms since each region's worker last completed a fetch. */
  lastFetchesAgoMs(): Map<string, number>;
}

interface Station {
  worker: ResultsWorker;
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
export function createResultsWorkers(
  server: QueueServer,
  ingest: Pick<Ingest, "take">,
  logger: Logger,
): ResultsWorkers {
  const stations = new Map<string, Station>();
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;

  function open(region: string, onFetch: () => void): ResultsWorker {
    const worker = openWorker<ResultBatch>(
      resultsQueueName(region),
      async (job, token) => {
        try {
          await ingest.take(region, job.data, job.attemptsStarted > 1 || job.stalledCounter > 0);
        } catch (thrown) {
          if (thrown instanceof UnrecoverableError) throw thrown;
          // Not the job's fault: it goes back and has lost no attempt.
          await job.moveToWait(token);
          throw new WaitingError();
        }
      },
      {
        server,
        logger,
        leastPrivilege: false,
        concurrency: CONCURRENCY,
        lockDurationMs: LOCK_MS,
        stalledIntervalMs: STALLED_EVERY_MS,
        maxStalledCount: MAX_STALLED,
        onFetch,
      },
    );
    worker.on("ready", () => logger.info({ region }, "BullMQ worker is ready"));
    worker.on("failed", (job, thrown) =>
      logger.warn({ region, job: job?.id, reason: errorText(thrown) }, "A results job failed"),
    );
    return worker;
  }

  function man(region: string): void {
    const station: Station = { worker: undefined as never, fetchedAt: performance.now(), openings: 0, opening: false };
    stations.set(region, station);
    run(region, station);
  }

  function run(region: string, station: Station): void {
    station.fetchedAt = performance.now();
    const worker = open(region, () => {
      station.fetchedAt = performance.now();
      station.openings = 0;
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
      timer = setInterval(() => {
        for (const [region, station] of stations) {
          if (performance.now() - station.fetchedAt < SILENT_MS) continue;
          void reopen(region, station, station.worker, `no fetch within ${SILENT_MS} ms`);
        }
      }, LOOK_EVERY_MS);
    },
    serve(regions) {
      if (stopped) return;
      for (const region of regions) if (!stations.has(region)) man(region);
    },
    lastFetchesAgoMs: () =>
      new Map([...stations].map(([region, { fetchedAt }]) => [region, performance.now() - fetchedAt])),
    async stop() {
      stopped = true;
      clearInterval(timer);
      const workers = [...stations.values()].map(({ worker }) => worker);
      await withDeadline(
        Promise.all(workers.map((worker) => worker.close())),
        STOP_DEADLINE_MS,
        "the jobs in hand ended",
      ).catch(async (thrown) => {
        logger.warn({ reason: errorText(thrown) }, "Results jobs are left behind");
        await Promise.all(workers.map((worker) => worker.close(true)));
      });
    },
  };
}
