import { type Job, WaitingError, type Worker } from "bullmq";
import type { Check, CheckBatch } from "../shared/check.ts";
import type { Clock } from "../shared/clock.ts";
import { errorText } from "../shared/errors.ts";
import type { Part } from "../shared/lifecycle.ts";
import { withDeadline } from "../shared/lifecycle.ts";
import type { Logger } from "../shared/logger.ts";
import type { openWorker } from "../shared/queues.ts";
import { isRefused } from "../shared/queues.ts";
import type { Miss, Result } from "../shared/result.ts";
import { readBatch } from "./check-batch.ts";
import { createDueTimer } from "./due-timer.ts";
import { createLimiter } from "./limiter.ts";
import type { Outbox } from "./outbox.ts";
import type { RunCheck } from "./run-check.ts";

/** Pulls the region's checks and sees each through to a result that the results queue has accepted. */
export interface CheckWorker extends Part {
  /** Checks that are being performed. */
  readonly inFlight: number;
  /** More checks are due than may be in flight: no more are fetched for now. */
  readonly saturated: boolean;
  /** ms since the last completed fetch; null before the first. */
  readonly lastFetchAgoMs: number | null;
  /** Counts completed fetches, also those that found nothing, and checks that were seen through. */
  readonly progress: number;
  /** Whether it fetches; if not, whether jobs that it has are still seen through. */
  readonly work: "taking" | "finishing" | "idle";
  /** Fetches, or fetches again. Before that it does not. */
  take(): void;
  /**
   * Fetches no more, and sees through what it has. One fetch may be under way: what it brings counts as taken.
   * @param giveBack returns to the queue what has not begun, for another agent.
   */
  pause(options: { readonly giveBack: boolean }): void;
}

/** A dead agent's jobs are taken over after about this long, in ms. */
export const LOCK = { lockDurationMs: 5_000, stalledIntervalMs: 2_000 };
const READY_DEADLINE_MS = 10_000;
/** How long a stop waits for checks that are being performed, in ms; the parent of `npm start` gives 5 s in all. */
const FINISH_DEADLINE_MS = 2_500;
/** How long a stop takes at most, in ms, also when the queue server is away; another agent then finds the jobs stalled. */
const STOP_DEADLINE_MS = 3_500;
/** How often the work is logged at `info`, in ms. */
const LOG_EVERY_MS = 10_000;

type OpenChecksWorker = (
  processor: Parameters<typeof openWorker<CheckBatch>>[1],
  options: { readonly concurrency: number; readonly onFetch: () => void },
) => Worker<CheckBatch, void, string>;

export function createCheckWorker(deps: {
  readonly open: OpenChecksWorker;
  readonly clock: Clock;
  readonly runCheck: RunCheck;
  /** Whether the clock can be trusted at this moment: no check is begun without. */
  readonly isClockRight: () => boolean;
  /** Told how late each check begins, in ms. */
  readonly onLateness: (ms: number) => void;
  readonly outbox: Outbox;
  /** How many checks may be in flight at once. */
  readonly concurrency: number;
  /** Whether a refusal by the queue server is for good; it is, unless told otherwise. */
  readonly isFatal?: (thrown: unknown) => boolean;
  /** Told when the agent cannot go on: refused for good by the queue server, or without a worker. */
  readonly onFatal: (thrown: unknown) => void;
  readonly logger: Logger;
}): CheckWorker {
  const { clock, outbox, isFatal = isRefused, logger } = deps;
  const dueTimer = createDueTimer(clock);
  const limiter = createLimiter(deps.concurrency);
  /** What gives up each job that is held. */
  const held = new Set<() => void>();
  const counts = { jobs: 0, checks: 0, loggedAt: Number.NEGATIVE_INFINITY };
  let worker: Worker<CheckBatch, void, string> | null = null;
  let fetchedAt: number | null = null;
  let progress = 0;
  /** Whether it is to fetch. */
  let wanted = false;

  /**
   * One batch: every check at its own instant, none waiting for another. The job
   * completes when all its results are accepted. What a stop left undone, or a clock that is
   * not right any more, goes back to the queue for another agent.
   */
  async function process(job: Job<CheckBatch, void, string>, token?: string): Promise<void> {
    if (!deps.isClockRight()) {
      await job.moveToWait(token);
      throw new WaitingError();
    }
    const { checks, again } = readBatch(job.data, clock.now());
    const rerun = job.attemptsStarted > 1 || job.stalledCounter > 0 || again === true;
    note(job, checks.length);
    const left = new Set(checks);
    await new Promise<void>((resolve, reject) => {
      let open = checks.length;
      const giveUp = () => resolve();
      held.add(giveUp);
      const settle = () => {
        if (--open > 0) return;
        held.delete(giveUp);
        resolve();
      };
      if (open === 0) settle();
      for (const check of checks) {
        perform(check, rerun).then(
          (done) => {
            if (done) left.delete(check);
            settle();
          },
          (thrown) => {
            held.delete(giveUp);
            reject(thrown);
          },
        );
      }
    });
    if (left.size === 0) return;
    await job.updateData({ v: 1, checks: [...left] });
    await job.moveToWait(token);
    throw new WaitingError();
  }

  /** Whether the check is accounted for; false when it is to go back. */
  async function perform(check: Check, rerun: boolean): Promise<boolean> {
    if (!(await dueTimer.until(check.scheduledAt))) return false;
    if (!(await admitted())) return false;
    let result: Result | null = null;
    try {
      if (!deps.isClockRight()) return false;
      const now = clock.now();
      deps.onLateness(now - check.scheduledAt);
      if (now <= check.expiresAt) result = await deps.runCheck(check);
    } finally {
      leave();
    }
    if (result !== null) await outbox.putResult(rerun ? { ...result, rerun } : result);
    else await outbox.putMiss(expired(check));
    progress++;
    return true;
  }

  function admitted(): Promise<boolean> {
    const entered = limiter.enter();
    throttle();
    return entered;
  }

  function leave(): void {
    limiter.leave();
    throttle();
  }

  /** While due checks wait for room, another agent can do better with the next batch. */
  function throttle(): void {
    if (worker) worker.concurrency = limiter.waiting > 0 ? 1 : deps.concurrency;
  }

  function note(job: Job, checks: number): void {
    counts.jobs++;
    counts.checks += checks;
    logger.debug({ job: job.id, checks }, "Processing monitor check job");
    const now = performance.now();
    if (now - counts.loggedAt < LOG_EVERY_MS) return;
    logger.info({ jobs: counts.jobs, checks: counts.checks }, "Processing monitor check job");
    Object.assign(counts, { jobs: 0, checks: 0, loggedAt: now });
  }

  function run(opened: Worker<CheckBatch, void, string>): void {
    opened.run().catch(deps.onFatal);
  }

  return {
    get inFlight() {
      return limiter.inside;
    },
    get saturated() {
      return limiter.waiting > 0;
    },
    get lastFetchAgoMs() {
      return fetchedAt === null ? null : performance.now() - fetchedAt;
    },
    get progress() {
      return progress;
    },
    get work() {
      if (wanted) return "taking";
      return held.size > 0 || worker?.isRunning() ? "finishing" : "idle";
    },
    take() {
      if (wanted) return;
      wanted = true;
      if (worker === null) return;
      fetchedAt = performance.now(); // It has not fetched for long because it was not to.
      if (worker.isPaused()) void worker.resume();
      else run(worker);
    },
    pause({ giveBack }) {
      wanted = false;
      if (worker?.isRunning()) void worker.pause(true);
      if (!giveBack) return;
      dueTimer.letGo();
      limiter.turnAway();
    },
    async start() {
      const onFetch = () => {
        progress++;
        fetchedAt = performance.now();
      };
      const opened = deps.open(process, { concurrency: deps.concurrency, onFetch });
      worker = opened;
      opened.on("error", (thrown) => isFatal(thrown) && deps.onFatal(thrown));
      opened.on("active", onFetch);
      opened.on("failed", (job, thrown) => logger.warn({ job: job?.id, reason: errorText(thrown) }, "A job failed"));
      await withDeadline(opened.waitUntilReady(), READY_DEADLINE_MS, "the queue server did not answer");
      if (wanted) run(opened);
      logger.info({ queue: opened.name, concurrency: deps.concurrency }, "BullMQ worker is ready");
    },
    async stop() {
      wanted = false;
      // Takes nothing more and resolves when every job that is held has been settled.
      const closed = worker?.close();
      dueTimer.close();
      limiter.close();
      const patience = setTimeout(() => {
        for (const giveUp of held) giveUp();
      }, FINISH_DEADLINE_MS);
      await withDeadline(closed ?? Promise.resolve(), STOP_DEADLINE_MS, "the held jobs were not settled").catch(
        (thrown) => logger.warn({ jobs: held.size, reason: errorText(thrown) }, "Jobs are left behind"),
      );
      clearTimeout(patience);
    },
  };
}

function expired({ monitorId, round, attempt, scheduledAt }: Check): Miss {
  return { monitorId, round, attempt, scheduledAt, reason: "expired" };
}
