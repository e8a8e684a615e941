import { setTimeout as sleep } from "node:timers/promises";
import { errorText } from "../../shared/errors.ts";
import type { Logger } from "../../shared/logger.ts";
import { backoffMs } from "../../shared/retry.ts";
import type { RegionResult } from "../store/verdicts.ts";
import { isNewer } from "../verdict/machine.ts";
import type { NewsDeps } from "./news.ts";
import { createNewsSense } from "./news.ts";

/** News is what a verdict waits for: from the first to the flush, and from the end of a flush to the next; in ms. */
const NEWS_MS = 20;
const EVERY_MS = 100;
/** What merely renews a vote waits for company, in ms. */
const RENEWAL_MS = 500;
/** How long a flush may take until it is a vote's own fault that it goes stale meanwhile, in ms. */
const MARGIN_MS = 500;
const MAX_AT_ONCE = 2_000;
/** A job waits no longer than this for its statuses, in ms. */
const PATIENCE_MS = 1_000;
const BACKOFF = { baseMs: 100, capMs: 5_000 };

/**
 * Brings statuses to PostgreSQL in one transaction per flush. Of each monitor and
 * region the latest alone waits, beside the answers to questions, which nobody asks
 * without PostgreSQL, so that memory is bounded by monitors × regions however long
 * PostgreSQL is away; then nobody waits for it, and it is tried again
 * until it is back. Should this process be killed in between, a verdict is behind
 * until the region's next result: the results themselves are stored.
 */
export interface Statuses {
  /** Resolves when they are applied, or when waiting for that would hold up what is not PostgreSQL's. */
  add(statuses: readonly RegionResult[]): Promise<void>;
  /** Resolves when nothing waits, or PostgreSQL does not take it; then it is not tried again. */
  stop(): Promise<void>;
  readonly waiting: number;
}

export function createStatuses({
  apply,
  monitorOf,
  now,
  logger,
}: {
  readonly apply: (statuses: readonly RegionResult[]) => Promise<void>;
  readonly monitorOf: NewsDeps["monitorOf"];
  readonly now: () => number;
  readonly logger: Logger;
}): Statuses {
  const isNews = createNewsSense({ monitorOf, now, holdMs: RENEWAL_MS + MARGIN_MS });
  const waiting = new Map<string, RegionResult>();
  let running: Promise<void> | undefined;
  let away = false;
  let stopping = false;
  /** Those who wait for what is not under way yet. */
  const waiters: Array<() => void> = [];
  /** When the next flush is due, and when the last one ended; on the monotonic clock. */
  let dueAt = Number.POSITIVE_INFINITY;
  let endedAt = Number.NEGATIVE_INFINITY;
  let wake = (): void => undefined;

  function put(status: RegionResult): void {
    // An answer to a question must not be lost to a scheduled result beside it, nor to the answer to another question.
    const question = status.attempt > 0 ? status.scheduledAt : "";
    const key = `${status.monitorId} ${status.region} ${question}`;
    const other = waiting.get(key);
    if (!other || isNewer(status, other)) waiting.set(key, status);
  }

  function take(): RegionResult[] {
    const taken: RegionResult[] = [];
    for (const [key, status] of waiting) {
      if (taken.length === MAX_AT_ONCE) break;
      taken.push(status);
      waiting.delete(key);
    }
    return taken;
  }

  /** From now on nobody waits for PostgreSQL, until it has taken something again. */
  function giveUpWaiting(reason: string): void {
    if (!away) logger.error({ reason }, "PostgreSQL is away: statuses wait in memory");
    away = true;
    tell(waiters.splice(0));
  }

  /** Has the next flush begin at this instant or sooner. */
  function dueBy(instant: number): void {
    if (instant >= dueAt) return;
    dueAt = instant;
    wake();
  }

  /** Ends when a flush is due. */
  function gather(): Promise<void> {
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout | undefined;
      wake = () => {
        clearTimeout(timer);
        const isFull = stopping || waiting.size >= MAX_AT_ONCE;
        const at = isFull ? 0 : Math.max(dueAt, endedAt + EVERY_MS);
        timer = setTimeout(
          () => {
            wake = () => undefined;
            resolve();
          },
          Math.max(0, at - performance.now()),
        );
      };
      wake();
    });
  }

  async function run(): Promise<void> {
    for (let failures = 0; waiting.size > 0 && !(stopping && away); ) {
      if (!away) await gather();
      const some = take();
      dueAt = waiting.size === 0 ? Number.POSITIVE_INFINITY : 0;
      const told = waiting.size === 0 ? waiters.splice(0) : [];
      const patience = setTimeout(() => {
        tell(told);
        giveUpWaiting(`no answer within ${PATIENCE_MS} ms`);
      }, PATIENCE_MS);
      try {
        await apply(some);
        if (away) logger.info({ waiting: waiting.size }, "PostgreSQL is back: statuses are kept again");
        away = false;
        failures = 0;
      } catch (thrown) {
        for (const status of some) put(status);
        giveUpWaiting(errorText(thrown));
      }
      clearTimeout(patience);
      tell(told);
      endedAt = performance.now();
      if (away) await sleep(backoffMs(failures++, BACKOFF));
    }
    running = undefined;
  }

  function tell(told: ReadonlyArray<() => void>): void {
    for (const resolve of told) resolve();
  }

  return {
    get waiting() {
      return waiting.size;
    },
    async add(statuses) {
      if (statuses.length === 0) return;
      let news = false;
      for (const status of statuses) {
        put(status);
        if (isNews(status)) news = true;
      }
      dueBy(performance.now() + (news ? NEWS_MS : RENEWAL_MS));
      if (waiting.size >= MAX_AT_ONCE) wake();
      running ??= run();
      if (!away) await new Promise<void>((resolve) => waiters.push(resolve));
    },
    async stop() {
      stopping = true;
      wake();
      while (running && !away) {
        await Promise.race([running, new Promise<void>((resolve) => waiters.push(resolve))]);
      }
    },
  };
}
