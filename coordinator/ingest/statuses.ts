import { setTimeout as sleep } from "node:timers/promises";
import { errorText } from "../../shared/errors.ts";
import type { Logger } from "../../shared/logger.ts";
import { backoffMs } from "../../shared/retry.ts";
import type { RegionStatus } from "../store/status.ts";
import { isLater } from "../store/status.ts";

/** A status is what a verdict waits for: from the first one to the flush, and from flush to flush; in ms. */
const GATHER_MS = 50;
const EVERY_MS = 100;
const MAX_AT_ONCE = 2_000;
/** A job waits no longer than this for its statuses, in ms. */
const PATIENCE_MS = 1_000;
const BACKOFF = { baseMs: 100, capMs: 5_000 };

/**
 * Brings statuses to PostgreSQL in one transaction per flush. Of each monitor and
 * region the latest alone waits, so that memory is bounded by monitors × regions
 * however long PostgreSQL is away; then nobody waits for it, and it is tried again
 * until it is back. Should this process be killed in between, a verdict is behind
 * until the region's next result: the results themselves are stored.
 */
export interface Statuses {
  /** Resolves when they are applied, or when waiting for that would hold up what is not PostgreSQL's. */
  add(statuses: readonly RegionStatus[]): Promise<void>;
  /** Resolves when nothing waits, or PostgreSQL does not take it; then it is not tried again. */
  stop(): Promise<void>;
  readonly waiting: number;
}

export function createStatuses({
  apply,
  logger,
}: {
  readonly apply: (statuses: readonly RegionStatus[]) => Promise<void>;
  readonly logger: Logger;
}): Statuses {
  const waiting = new Map<string, RegionStatus>();
  let running: Promise<void> | undefined;
  let away = false;
  let stopping = false;
  /** Those who wait for what is not under way yet. */
  const waiters: Array<() => void> = [];

  function put(status: RegionStatus): void {
    const key = `${status.monitorId} ${status.region}`;
    const other = waiting.get(key);
    if (!other || isLater(status, other)) waiting.set(key, status);
  }

  function take(): RegionStatus[] {
    const taken: RegionStatus[] = [];
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

  async function run(): Promise<void> {
    await sleep(GATHER_MS);
    for (let failures = 0; waiting.size > 0 && !(stopping && away); ) {
      const some = take();
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
      if (away) await sleep(backoffMs(failures++, BACKOFF));
      else if (waiting.size < MAX_AT_ONCE) await sleep(EVERY_MS);
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
      for (const status of statuses) put(status);
      running ??= run();
      if (!away) await new Promise<void>((resolve) => waiters.push(resolve));
    },
    async stop() {
      stopping = true;
      while (running && !away) {
        await Promise.race([running, new Promise<void>((resolve) => waiters.push(resolve))]);
      }
    },
  };
}
