import type { Clock } from "../../shared/clock.ts";
import type { Part } from "../../shared/lifecycle.ts";
import type { Schedule } from "../schedule/schedule.ts";
import { SLOT_MS, slotAt } from "../schedule/slot.ts";
import type { StoredMiss } from "../store/results.ts";
import type { CheckJob } from "./batches.ts";
import { batchesOf, pushedAgain } from "./batches.ts";
import type { Leases } from "./leases.ts";
import type { Pusher } from "./pusher.ts";
import { missesOf } from "./pusher.ts";
import type { TargetOf } from "./targets.ts";

/** How long before its slot begins a batch is pushed, in ms: time to reach the agents, who hold it until its instant. */
const LEAD_MS = 750;

export interface DispatcherDeps {
  readonly schedule: Schedule;
  /** The shards to dispatch. */
  readonly leases: Pick<Leases, "held">;
  readonly pusher: Pusher;
  readonly targetOf: TargetOf;
  readonly clock: Clock;
  /** Told of every scheduled check whose time was over before it could be pushed. */
  readonly onMissed: (misses: readonly StoredMiss[]) => void;
}

/** Walks over time slot by slot and pushes what is due in each, a little ahead. */
export function createDispatcher({ schedule, leases, pusher, targetOf, clock, onMissed }: DispatcherDeps): Part {
  let timer: NodeJS.Timeout | undefined;

  /** The part of a job that is not over yet; what is was not dispatched in time. */
  function inTime(job: CheckJob, now: number): CheckJob[] {
    const checks = job.batch.checks.filter(({ expiresAt }) => expiresAt > now);
    if (checks.length === job.batch.checks.length) return [job];
    const over = job.batch.checks.filter(({ expiresAt }) => expiresAt <= now);
    onMissed(missesOf({ ...job, batch: { v: 1, checks: over } }, "coordinator_down"));
    return checks.length === 0 ? [] : [{ ...job, batch: { v: 1, checks } }];
  }

  function dispatchDue(): void {
    const now = clock.now();
    const last = slotAt(now + LEAD_MS);
    const jobs: CheckJob[] = [];
    const ends: Array<() => void> = [];
    for (const [shard, progress] of leases.held) {
      while (progress.next <= last) {
        const due = schedule.dueIn(shard, progress.next);
        const made = batchesOf(shard, progress.next, due, targetOf).flatMap((job) => inTime(job, now));
        // What is behind may have been pushed by another coordinator, which knew other monitors and made other jobs.
        jobs.push(...(progress.next < last ? made.map(pushedAgain) : made));
        ends.push(progress.begin());
      }
    }
    void pusher.push(jobs, "in turn").then(() => {
      for (const end of ends) end();
    });
    timer = setTimeout(dispatchDue, Math.max(1, Math.ceil((last + 1) * SLOT_MS - LEAD_MS - clock.now())));
  }

  return {
    async start() {
      dispatchDue();
    },
    async stop() {
      clearTimeout(timer);
      await pusher.settled();
    },
  };
}
