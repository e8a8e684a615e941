import type { MissReason } from "../../shared/check.ts";
import type { Clock } from "../../shared/clock.ts";
import { errorText } from "../../shared/errors.ts";
import type { Part } from "../../shared/lifecycle.ts";
import type { Logger } from "../../shared/logger.ts";
import type { Monitor } from "../../shared/monitor.ts";
import type { Schedule } from "../schedule/schedule.ts";
import { SLOT_MS } from "../schedule/schedule.ts";
import type { StoredMiss } from "../store/results.ts";
import type { CheckJob } from "./batches.ts";
import { batchesOf, checkOf } from "./batches.ts";
import type { RegionQueues } from "./region-queues.ts";

/** How long before its slot begins a batch is pushed, in ms: time to reach the agents, who hold it until its instant. */
const LEAD_MS = 750;
/** Slots that lie further back than this, in ms, are given up: nothing is caught up in a burst. */
const MAX_DELAY_MS = 2_000;

export interface Dispatcher extends Part {
  /** Has a monitor checked everywhere at once, ahead of the queue, as of the instant of its latest change. */
  checkNow(monitor: Monitor): Promise<void>;
}

export interface DispatcherDeps {
  readonly schedule: Schedule;
  readonly queues: RegionQueues;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether an agent of the region gave a recent sign of life. */
  readonly hasLiveAgent: (region: string) => boolean;
  /** Told of every scheduled check that was not pushed. */
  readonly onMissed: (misses: readonly StoredMiss[]) => void;
}

/**
 * Walks over time slot by slot and pushes what is due in each, a little ahead.
 * A check that cannot be pushed is reported as missed, with the reason.
 */
export function createDispatcher({
  schedule,
  queues,
  clock,
  logger,
  hasLiveAgent,
  onMissed,
}: DispatcherDeps): Dispatcher {
  let timer: NodeJS.Timeout | undefined;
  let nextSlot = 0;
  const pushing = new Set<Promise<void>>();

  async function push(region: string, jobs: readonly CheckJob[], urgency: "in turn" | "first"): Promise<void> {
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

  /** Pushes jobs region by region, side by side: one that hangs holds up no other. */
  function pushAll(jobs: readonly CheckJob[], urgency: "in turn" | "first"): Promise<unknown> {
    const pushes = [...new Set(jobs.map(({ region }) => region))].map((region) => {
      const own = jobs.filter((job) => job.region === region);
      const done: Promise<void> = push(region, own, urgency).finally(() => pushing.delete(done));
      pushing.add(done);
      return done;
    });
    return Promise.all(pushes);
  }

  function dispatchDue(): void {
    const now = clock.now();
    const last = Math.floor((now + LEAD_MS) / SLOT_MS);
    for (; nextSlot <= last; nextSlot++) {
      const jobs = batchesOf(nextSlot, schedule.dueIn(nextSlot));
      if (nextSlot * SLOT_MS < now - MAX_DELAY_MS) onMissed(jobs.flatMap((job) => missesOf(job, "coordinator_down")));
      else void pushAll(jobs, "in turn");
    }
    timer = setTimeout(dispatchDue, Math.max(1, Math.ceil(nextSlot * SLOT_MS - LEAD_MS - clock.now())));
  }

  return {
    async start() {
      // The slot that has begun is left out: its first part would be late, and a moment ago nobody asked for it.
      nextSlot = Math.floor((clock.now() + LEAD_MS) / SLOT_MS) + 1;
      dispatchDue();
    },
    async stop() {
      clearTimeout(timer);
      await Promise.all(pushing);
    },
    async checkNow(monitor) {
      const at = monitor.updatedAt;
      const jobs = schedule.expand(monitor.regions).map((region): CheckJob => {
        const { round, dueAt } = schedule.roundOf(monitor, region, at);
        const check = checkOf(monitor, round, Math.max(1, Math.round(at - dueAt)), at);
        return { region, jobId: `now-${monitor.id}-${monitor.revision}-${region}`, batch: { v: 1, checks: [check] } };
      });
      await pushAll(jobs, "first");
    },
  };
}

function missesOf({ region, batch }: CheckJob, reason: MissReason): StoredMiss[] {
  return batch.checks.map(({ monitorId, round, attempt, scheduledAt }) => ({
    monitorId,
    region,
    round,
    attempt,
    scheduledAt,
    reason,
  }));
}
