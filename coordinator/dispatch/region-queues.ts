import type { CheckBatch, MissReason } from "../../shared/check.ts";
import { withDeadline } from "../../shared/lifecycle.ts";
import type { Logger } from "../../shared/logger.ts";
import type { ChecksQueue, QueueServer } from "../../shared/queues.ts";
import { checksQueueName, jobOptions, openQueue } from "../../shared/queues.ts";
import { retryUntil } from "../../shared/retry.ts";
import type { CheckJob } from "./batches.ts";

/** A region's queue takes no more while so many jobs wait in it. */
const MAX_WAITING_JOBS = 5_000;
const PUSH_DEADLINE_MS = 5_000;
/** A push that failed is tried again for so long, in ms; the job ids make that harmless. */
const RETRY_FOR_MS = 8_000;

/** The checks queues of all regions, to push to. */
export interface RegionQueues {
  /**
   * Adds jobs of one region; those with the id of a job that exists are left alone.
   * @returns null when they are in the queue, else why they are not.
   */
  push(region: string, jobs: readonly CheckJob[], urgency: "in turn" | "first"): Promise<MissReason | null>;
  /** How many checks jobs wait in each queue that was pushed to. */
  depths(): Promise<Array<readonly [{ readonly queue: string; readonly state: string }, number]>>;
  close(): Promise<void>;
}

/** @param onPushed told of the jobs that are in the queue now. */
export function createRegionQueues(
  server: QueueServer,
  logger: Logger,
  onPushed: (jobs: readonly CheckJob[]) => void,
): RegionQueues {
  const queues = new Map<string, ChecksQueue>();

  function queueOf(region: string): ChecksQueue {
    const known = queues.get(region);
    if (known) return known;
    const queue = openQueue<CheckBatch>(checksQueueName(region), { server, logger, leastPrivilege: false });
    queues.set(region, queue);
    return queue;
  }

  async function pushOnce(region: string, jobs: readonly CheckJob[], lifo: boolean): Promise<MissReason | null> {
    const queue = queueOf(region);
    const { wait = 0 } = await queue.getJobCounts("wait");
    if (wait > MAX_WAITING_JOBS) return "backlog";
    await queue.addBulk(
      jobs.map(({ jobId, batch }) => ({ name: "checks", data: batch, opts: { ...jobOptions, jobId, lifo } })),
    );
    onPushed(jobs);
    return null;
  }

  return {
    push: (region, jobs, urgency) =>
      retryUntil(
        () =>
          withDeadline(
            pushOnce(region, jobs, urgency === "first"),
            PUSH_DEADLINE_MS,
            "the queue server did not answer",
          ),
        {
          deadlineMs: RETRY_FOR_MS,
          baseMs: 100,
          capMs: 2_000,
        },
      ),
    async depths() {
      const counts = await Promise.allSettled(
        [...queues.values()].map(async (queue) => {
          const found = await queue.getJobCounts("wait", "active", "failed");
          return Object.entries(found).map(([state, count]) => [{ queue: queue.name, state }, count] as const);
        }),
      );
      return counts.flatMap((count) => (count.status === "fulfilled" ? count.value : []));
    },
    async close() {
      await Promise.all([...queues.values()].map((queue) => queue.close()));
    },
  };
}
