import type { Check, CheckBatch, CheckTarget } from "../../shared/check.ts";
import { groupBy } from "../../shared/group-by.ts";
import type { Monitor } from "../../shared/monitor.ts";
import { MAX_BATCH } from "../../shared/queues.ts";
import { longestWaitMs } from "../schedule/due.ts";
import type { DueCheck } from "../schedule/schedule.ts";
import type { TargetOf } from "./targets.ts";

/** A job of a region's checks queue. */
export interface CheckJob {
  readonly region: string;
  readonly jobId: string;
  readonly batch: CheckBatch;
}

/** Up to so many checks of one region, slot and shard, each is a job of its own. */
const SINGLE_JOBS = 3;

/**
 * The jobs of one slot of one shard: per region, one check per job while there are
 * few, and up to MAX_BATCH when there are many. Job ids are made from shard and
 * slot, so that pushing a slot twice is pushing it once.
 */
export function batchesOf(shard: number, slot: number, due: readonly DueCheck[], targetOf: TargetOf): CheckJob[] {
  return [...groupBy(due, ({ region }) => region)].flatMap(([region, checks]) =>
    chunks(checks, checks.length <= SINGLE_JOBS ? 1 : MAX_BATCH).map((chunk, n) => ({
      region,
      jobId: `s${shard}-${slot}-${region}-${n}`,
      batch: {
        v: 1 as const,
        checks: chunk.map(({ monitor, round, scheduledAt }) =>
          checkOf(monitor, { round, attempt: 0, scheduledAt }, targetOf(monitor, region)),
        ),
      },
    })),
  );
}

/** A job of which some checks may have been pushed before, in another one. */
export function pushedAgain(job: CheckJob): CheckJob {
  return { ...job, batch: { ...job.batch, again: true } };
}

/** A check of a monitor, with all that an agent needs to make it. */
export function checkOf(
  monitor: Monitor,
  occasion: Pick<Check, "round" | "attempt" | "scheduledAt">,
  target: CheckTarget,
): Check {
  return {
    monitorId: monitor.id,
    ...occasion,
    expiresAt: occasion.scheduledAt + longestWaitMs(monitor),
    timeoutMs: monitor.timeoutMs,
    assertions: monitor.assertions,
    ...target,
  };
}

/** A list cut into pieces of a size. */
export function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, n) => items.slice(n * size, (n + 1) * size));
}
