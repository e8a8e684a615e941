import type { Check, MissReason } from "../../shared/check.ts";
import type { Clock } from "../../shared/clock.ts";
import { errorText } from "../../shared/errors.ts";
import { groupBy } from "../../shared/group-by.ts";
import type { Part } from "../../shared/lifecycle.ts";
import type { Logger } from "../../shared/logger.ts";
import type { Monitor } from "../../shared/monitor.ts";
import { MAX_BATCH } from "../../shared/queues.ts";
import type { Schedule } from "../schedule/schedule.ts";
import { shardOf } from "../schedule/shard.ts";
import { effectiveSlot, SLOT_MS, slotAt } from "../schedule/slot.ts";
import type { StoredMiss } from "../store/results.ts";
import type { CheckJob } from "./batches.ts";
import { batchesOf, checkOf, chunks } from "./batches.ts";
import type { Leases } from "./leases.ts";
import type { RegionQueues } from "./region-queues.ts";

/** How long before its slot begins a batch is pushed, in ms: time to reach the agents, who hold it until its instant. */
const LEAD_MS = 750;

/** A check that is due within this many ms anyway needs no extra one. */
const SOON_MS = 60_000;
/** A change that is heard of later than this many slots after it took effect is not caught up with. */
const MAX_CATCH_UP = 10;

export interface Dispatcher extends Part {
  /** Has a monitor checked everywhere at once, ahead of the queue, as of the instant of its latest change. */
  checkNow(monitor: Monitor): Promise<void>;
  /**
   * Has a region that is new check the monitors of all regions that it would else not
   * come to for long, as of the instant since when it has been known.
   */
  checkFromRegion(region: string, since: number): Promise<void>;
  /** Pushes what is due of a monitor in slots that had gone by when its latest change, which counts in them, was heard of. */
  catchUp(monitor: Monitor): Promise<void>;
}

export interface DispatcherDeps {
  readonly schedule: Schedule;
  /** The shards to dispatch. */
  readonly leases: Pick<Leases, "held">;
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
export function createDispatcher(deps: DispatcherDeps): Dispatcher {
  const { schedule, leases, queues, clock, logger, hasLiveAgent, onMissed } = deps;
  let timer: NodeJS.Timeout | undefined;
  const pushing = new Set<Promise<unknown>>();

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
    const byRegion = groupBy(jobs, ({ region }) => region);
    const done = Promise.all([...byRegion].map(([region, own]) => push(region, own, urgency)));
    pushing.add(done);
    return done.finally(() => pushing.delete(done));
  }

  /** A check beside the schedule's, of the round in which it is asked for. */
  function extraCheck(monitor: Monitor, region: string, at: number): Check {
    const { round, dueAt } = schedule.roundOf(monitor, region, at);
    return checkOf(monitor, round, Math.max(1, Math.round(at - dueAt)), at);
  }

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
        jobs.push(...batchesOf(shard, progress.next, due).flatMap((job) => inTime(job, now)));
        ends.push(progress.begin());
      }
    }
    void pushAll(jobs, "in turn").then(() => {
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
      await Promise.all(pushing);
    },
    async catchUp(monitor) {
      const shard = shardOf(monitor.id);
      const next = leases.held.get(shard)?.next ?? 0;
      const jobs: CheckJob[] = [];
      for (let slot = Math.max(effectiveSlot(monitor.updatedAt), next - MAX_CATCH_UP); slot < next; slot++) {
        const due = schedule.dueIn(shard, slot).filter((check) => check.monitor === monitor);
        for (const job of batchesOf(shard, slot, due)) jobs.push({ ...job, jobId: `late-${monitor.id}-${job.jobId}` });
      }
      await pushAll(jobs, "first");
    },
    async checkNow(monitor) {
      const at = monitor.updatedAt;
      const jobs = schedule.expand(monitor.regions).map((region): CheckJob => {
        const jobId = `now-${monitor.id}-${monitor.revision}-${region}`;
        return { region, jobId, batch: { v: 1, checks: [extraCheck(monitor, region, at)] } };
      });
      await pushAll(jobs, "first");
    },
    async checkFromRegion(region, since) {
      const waiting = [...schedule.monitors.values()].filter(
        ({ enabled, regions, intervalMs }) => enabled && regions === "all" && intervalMs > SOON_MS,
      );
      const checks = waiting
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .map((monitor) => extraCheck(monitor, region, since));
      const jobs = chunks(checks, MAX_BATCH).map((chunk, n): CheckJob => {
        return { region, jobId: `region-${region}-${since}-${n}`, batch: { v: 1, checks: chunk } };
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
