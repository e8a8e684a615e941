import type { Worker } from "bullmq";
import { errorText } from "../../shared/errors.ts";
import type { Part } from "../../shared/lifecycle.ts";
import type { Logger } from "../../shared/logger.ts";
import type { QueueServer } from "../../shared/queues.ts";
import { openWorker, resultsQueueName } from "../../shared/queues.ts";
import type { ResultBatch } from "../../shared/result.ts";
import type { Ingest } from "./ingest.ts";

/** Jobs of a region in hand at once. They wait for storage together, in one batch. */
const CONCURRENCY = 200;
const LOCK_MS = 30_000;
const STALLED_EVERY_MS = 15_000;

export interface ResultsWorkers extends Part {
  /** Sees to it that each of these regions has a worker on its results queue. */
  serve(regions: readonly string[]): void;
}

/** One worker per region: the region of a result is the queue that it came through. */
export function createResultsWorkers(server: QueueServer, ingest: Ingest, logger: Logger): ResultsWorkers {
  const workers = new Map<string, Worker<ResultBatch, void, string>>();
  let stopped = false;

  function open(region: string): Worker<ResultBatch, void, string> {
    const worker = openWorker<ResultBatch>(resultsQueueName(region), (job) => ingest.take(region, job.data), {
      server,
      logger,
      leastPrivilege: false,
      concurrency: CONCURRENCY,
      lockDurationMs: LOCK_MS,
      stalledIntervalMs: STALLED_EVERY_MS,
    });
    worker.on("ready", () => logger.info({ region }, "BullMQ worker is ready"));
    worker.on("failed", (job, thrown) =>
      logger.warn({ region, job: job?.id, reason: errorText(thrown) }, "A results job failed"),
    );
    worker.run().catch((thrown) => logger.error({ region, reason: errorText(thrown) }, "A results worker ended"));
    return worker;
  }

  return {
    async start() {},
    serve(regions) {
      if (stopped) return;
      for (const region of regions) if (!workers.has(region)) workers.set(region, open(region));
    },
    async stop() {
      stopped = true;
      await Promise.all([...workers.values()].map((worker) => worker.close()));
    },
  };
}
