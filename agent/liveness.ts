import type { CheckWorker } from "./worker.ts";

/** An idle worker's fetch ends after 5 s: three of them without an end, in ms. */
const FETCH_OVERDUE_MS = 15_000;
/** While all room is taken nothing is fetched, and no check takes longer than 120 s. */
const CHECK_OVERDUE_MS = 150_000;

/**
 * Whether the worker makes progress, as far as it can: one that is not to fetch is well, and
 * so is one without a queue server. What is left is a worker that has stopped fetching
 * although it could.
 */
export function createLiveness({
  worker,
  isQueueServerThere,
  monotonic,
}: {
  readonly worker: Pick<CheckWorker, "progress" | "saturated" | "work">;
  /** Asked only when the worker is overdue. */
  readonly isQueueServerThere: () => Promise<boolean>;
  readonly monotonic: () => number;
}): () => Promise<boolean> {
  let seen = -1;
  let seenAt = monotonic();
  return async () => {
    const now = monotonic();
    if (worker.progress !== seen || worker.work !== "taking") {
      seen = worker.progress;
      seenAt = now;
    }
    const overdueMs = worker.saturated ? CHECK_OVERDUE_MS : FETCH_OVERDUE_MS;
    return now - seenAt < overdueMs || !(await isQueueServerThere());
  };
}
