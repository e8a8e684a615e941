import type { Check } from "../../shared/check.ts";
import { groupBy } from "../../shared/group-by.ts";
import type { Monitor } from "../../shared/monitor.ts";
import { MAX_BATCH } from "../../shared/queues.ts";
import type { Schedule } from "../schedule/schedule.ts";
import { shardOf } from "../schedule/shard.ts";
import { effectiveSlot } from "../schedule/slot.ts";
import { CONFIRM_WAIT_MS } from "../verdict/machine.ts";
import type { CheckJob } from "./batches.ts";
import { batchesOf, checkOf, chunks, pushedAgain } from "./batches.ts";
import type { Leases } from "./leases.ts";
import type { Pusher } from "./pusher.ts";
import type { TargetOf } from "./targets.ts";

/** A check that is due within this many ms anyway needs no extra one. */
const SOON_MS = 60_000;
/** A change that is heard of later than this many slots after it took effect is not caught up with. */
const MAX_CATCH_UP = 10;

/**
 * Checks that are pushed outside their slots, ahead of the queue. Every coordinator
 * may be told to push the same: the jobs' ids follow from what they are for, so
 * that each is made once.
 */
export interface ExtraChecks {
  /** Has a monitor checked everywhere at once, as of the instant of its latest change. */
  checkNow(monitor: Monitor): Promise<void>;
  /**
   * Has a region that is new check the monitors of all regions that it would else not
   * come to for long, as of the instant since when it has been known.
   */
  checkFromRegion(region: string, since: number): Promise<void>;
  /** Pushes what is due of a monitor in slots that had gone by when its latest change, which counts in them, was heard of. */
  catchUp(monitor: Monitor): Promise<void>;
  /** Has a monitor checked in some regions at once, because its verdict is in doubt since `at`, in ms since the epoch. */
  confirm(monitor: Monitor, regions: readonly string[], at: number): Promise<void>;
}

export interface ExtraChecksDeps {
  readonly schedule: Schedule;
  readonly leases: Pick<Leases, "held">;
  readonly pusher: Pick<Pusher, "push">;
  readonly targetOf: TargetOf;
}

export function createExtraChecks({ schedule, leases, pusher, targetOf }: ExtraChecksDeps): ExtraChecks {
  /** A check of the round in which it is asked for. */
  function extraCheck(monitor: Monitor, region: string, at: number): Check {
    const { round, dueAt } = schedule.roundOf(monitor, region, at);
    return checkOf(monitor, { round, attempt: Math.floor(at - dueAt) + 1, scheduledAt: at }, targetOf(monitor, region));
  }

  /** Pushes one check of a monitor to each of some regions. `occasion` tells it from every other time this is done. */
  function checkIn(regions: readonly string[], monitor: Monitor, at: number, occasion: string): Promise<void> {
    const jobs = regions.map((region): CheckJob => {
      return { region, jobId: `${occasion}-${region}`, batch: { v: 1, checks: [extraCheck(monitor, region, at)] } };
    });
    return pusher.push(jobs, "first");
  }

  /** Beyond the wait for its answer such a check is of no use, and before that it is, however short the interval. */
  function confirmation(monitor: Monitor, region: string, at: number): CheckJob {
    const check = { ...extraCheck(monitor, region, at), expiresAt: at + CONFIRM_WAIT_MS };
    return { region, jobId: `confirm-${monitor.id}-${at}-${region}`, batch: { v: 1, checks: [check] } };
  }

  function isFarOff(monitor: Monitor, region: string, at: number): boolean {
    if (monitor.intervalMs <= SOON_MS) return false;
    return schedule.roundOf(monitor, region, at).dueAt + monitor.intervalMs > at + SOON_MS;
  }

  return {
    confirm: (monitor, regions, at) =>
      pusher.push(
        regions.map((region) => confirmation(monitor, region, at)),
        "first",
      ),
    checkNow: (monitor) =>
      checkIn(schedule.expand(monitor.regions), monitor, monitor.updatedAt, `now-${monitor.id}-${monitor.revision}`),
    async checkFromRegion(region, since) {
      const waiting = [...schedule.monitors.values()].filter(
        (monitor) => monitor.enabled && monitor.regions === "all" && isFarOff(monitor, region, since),
      );
      // One shard after the other: of a great many monitors only a part is put in order and in memory at a time.
      for (const [shard, own] of groupBy(waiting, ({ id }) => shardOf(id))) {
        own.sort((a, b) => (a.id < b.id ? -1 : 1));
        const jobs = chunks(own, MAX_BATCH).map((some, n): CheckJob => {
          const checks = some.map((monitor) => extraCheck(monitor, region, since));
          return { region, jobId: `region-${region}-${since}-${shard}-${n}`, batch: { v: 1, checks } };
        });
        await pusher.push(jobs, "first");
      }
    },
    async catchUp(monitor) {
      const shard = shardOf(monitor.id);
      const next = leases.held.get(shard)?.next ?? 0;
      const jobs: CheckJob[] = [];
      for (let slot = Math.max(effectiveSlot(monitor.updatedAt), next - MAX_CATCH_UP); slot < next; slot++) {
        const due = schedule.dueIn(shard, slot).filter((check) => check.monitor === monitor);
        for (const job of batchesOf(shard, slot, due, targetOf)) {
          jobs.push(pushedAgain({ ...job, jobId: `late-${monitor.id}-${job.jobId}` }));
        }
      }
      await pusher.push(jobs, "first");
    },
  };
}
