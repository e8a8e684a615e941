import type { Clock } from "../../shared/clock.ts";
import type { Logger } from "../../shared/logger.ts";
import type { QueueServer } from "../../shared/queues.ts";
import type { Metrics } from "../metrics.ts";
import type { Schedule } from "../schedule/schedule.ts";
import type { SecretBox } from "../secrets/box.ts";
import type { ShardStore } from "../store/shards.ts";
import type { CheckJob } from "./batches.ts";
import { createDispatcher } from "./dispatcher.ts";
import { createExtraChecks } from "./extra-checks.ts";
import { createLeases } from "./leases.ts";
import type { PusherDeps } from "./pusher.ts";
import { createPusher } from "./pusher.ts";
import { createRegionQueues } from "./region-queues.ts";
import { createTargets } from "./targets.ts";

/** The way from the schedule into the regions' queues: second by second, and beside that when checks are asked for. */
export function createDispatch({
  coordinatorId,
  queueServer,
  schedule,
  shards,
  box,
  hasLiveAgent,
  onMissed,
  metrics,
  clock,
  logger,
}: Pick<PusherDeps, "hasLiveAgent" | "onMissed"> & {
  readonly coordinatorId: string;
  readonly queueServer: QueueServer;
  readonly schedule: Schedule;
  readonly shards: ShardStore;
  readonly box: SecretBox;
  readonly metrics: Pick<Metrics, "dispatchLateness">;
  readonly clock: Clock;
  readonly logger: Logger;
}) {
  const tellLateness = (jobs: readonly CheckJob[]): void => {
    const now = clock.now();
    for (const { batch } of jobs) {
      for (const { scheduledAt } of batch.checks) metrics.dispatchLateness.observe((now - scheduledAt) / 1_000);
    }
  };
  const queues = createRegionQueues(queueServer, logger, tellLateness);
  const pusher = createPusher({ queues, logger, hasLiveAgent, onMissed });
  const leases = createLeases({ coordinatorId, store: shards, clock, logger });
  const targetOf = createTargets({ box, logger });
  const dispatcher = createDispatcher({ schedule, leases, pusher, targetOf, clock, onMissed });
  const extraChecks = createExtraChecks({ schedule, leases, pusher, targetOf });
  return { queues, pusher, leases, dispatcher, extraChecks };
}
