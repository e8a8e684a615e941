import type { MissReason } from "../../shared/check.ts";
import { errorText } from "../../shared/errors.ts";
import { groupBy } from "../../shared/group-by.ts";
import type { Logger } from "../../shared/logger.ts";
import type { StoredMiss } from "../store/results.ts";
import type { CheckJob } from "./batches.ts";
import type { RegionQueues } from "./region-queues.ts";

/** The one way into the regions' queues: what cannot be pushed is reported as missed, with the reason. */
export interface Pusher {
  /**
   * Pushes jobs region by region, side by side: one that hangs holds up no other.
   * Resolves when each is in its queue or has been reported; never rejects.
   */
  push(jobs: readonly CheckJob[], urgency: "in turn" | "first"): Promise<void>;
  /** Resolves when everything that is under way has ended. */
  settled(): Promise<void>;
}

export interface PusherDeps {
  readonly queues: Pick<RegionQueues, "push">;
  readonly logger: Logger;
  /** Whether an agent of the region gave a recent sign of life. */
  readonly hasLiveAgent: (region: string) => boolean;
  /** Told of every check that was not pushed. */
  readonly onMissed: (misses: readonly StoredMiss[]) => void;
}

export function createPusher({ queues, logger, hasLiveAgent, onMissed }: PusherDeps): Pusher {
  const pushing = new Set<Promise<void>>();

  async function pushTo(region: string, jobs: readonly CheckJob[], urgency: "in turn" | "first"): Promise<void> {
    const reason = hasLiveAgent(region) ? await tryPush(region, jobs, urgency) : "no_agent";
    if (reason !== null) onMissed(jobs.flatMap((job) => missesOf(job, reason)));
  }

  async function tryPush(
    region: string,
    jobs: readonly CheckJob[],
    urgency: "in turn" | "first",
  ): Promise<MissReason | null> {
    try {
      return await queues.push(region, jobs, urgency);
    } catch (thrown) {
      logger.error({ region, jobs: jobs.length, reason: errorText(thrown) }, "Checks could not be queued");
      return "backlog";
    }
  }

  return {
    push(jobs, urgency) {
      const byRegion = groupBy(jobs, ({ region }) => region);
      const done = Promise.all([...byRegion].map(([region, own]) => pushTo(region, own, urgency))).then(() => {
        pushing.delete(done);
      });
      pushing.add(done);
      return done;
    },
    async settled() {
      await Promise.all(pushing);
    },
  };
}

/** A job's checks, as missed for a reason. */
export function missesOf({ region, batch }: CheckJob, reason: MissReason): StoredMiss[] {
  return batch.checks.map(({ monitorId, round, attempt, scheduledAt }) => ({
    monitorId,
    region,
    round,
    attempt,
    scheduledAt,
    reason,
  }));
}
