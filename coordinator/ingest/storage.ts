import { setTimeout as sleep } from "node:timers/promises";
import { errorText } from "../../shared/errors.ts";
import { newId } from "../../shared/id.ts";
import type { Part } from "../../shared/lifecycle.ts";
import type { Logger } from "../../shared/logger.ts";
import { backoffMs, retryUntil } from "../../shared/retry.ts";
import type { Metrics } from "../metrics.ts";
import { isRefusal } from "../store/clickhouse.ts";
import type { InsertLock } from "../store/insert-lock.ts";
import type { ResultStore, StoredMiss, StoredResult } from "../store/results.ts";
import { createBatcher } from "./batcher.ts";
import type { Block, Spool, SpooledBlock } from "./spool.ts";

/**
 * People want to see a result soon, and ClickHouse wants few, large inserts: one costs
 * about the same whether it has 1 row or 1,000, since it makes a part in each of four tables.
 */
const INSERT = { maxItems: 5_000, maxWaitMs: 250, everyMs: 1_000 };
/** After so long without success ClickHouse counts as away, and blocks go to the spool at once; in ms. */
const PATIENCE_MS = 3_000;
const RETRY = { baseMs: 100, capMs: 1_000 };
/** How often it is tried again while it is away. */
const AWAY = { baseMs: 500, capMs: 5_000 };

/**
 * A result that is inserted sooner than this after its check was due, in ms, is its
 * check's first: an agent has a job for at least 5 s, from less than 2 s before its
 * checks are due, and only then it may be given to another one.
 */
const FIRST_MS = 2_500;
/** What may be a repetition is looked up no sooner than this after its check was due, in ms. Coordinators' clocks may differ by what lies between. */
const REPEATED_MS = 3_500;

/** A result, and whether the same check is known to have been given out, or the same result delivered, before. */
export interface Arrival {
  readonly result: StoredResult;
  readonly repeated: boolean;
}

/**
 * Puts results and misses into ClickHouse in large blocks, by way of the spool while
 * it is away.
 *
 * What is summed up per minute, hour and day counts rows as they are inserted, so a
 * row has to be new:
 * - An insert whose answer was lost is repeated under the block's token, which
 *   ClickHouse knows. The token stays with the block in the spool and over a restart.
 * - What may be a repetition (a job that came a second time, a check that was given
 *   to a second agent, whatever is not stored soon after it was due, whatever was
 *   spooled) is a suspect: it is looked up before it is inserted, by one coordinator
 *   at a time, and while nobody inserts anything else. So of several runs of a check
 *   and several deliveries of a run the first one counts, whoever took them.
 * - What is left takes two faults at once: PostgreSQL, which keeps the lock, is away
 *   while two coordinators store runs of one check; or ClickHouse makes an insert
 *   after it was given up on, and another run was stored in between. The rows are
 *   then one in every list, and two in a sum.
 */
export interface Storage extends Part {
  /** Resolves when the results are stored or durably spooled; while neither can be done it waits. */
  addResults(arrivals: readonly Arrival[]): Promise<void>;
  addMisses(misses: readonly StoredMiss[]): Promise<void>;
}

/** A block on its way, without what turned out to be stored already. */
interface Pending {
  block: Block;
  isSuspect(row: StoredResult): boolean;
}

export function createStorage({
  store,
  lock,
  spool,
  patienceMs = PATIENCE_MS,
  now,
  metrics,
  logger,
}: {
  readonly store: Pick<ResultStore, "append" | "appendMisses" | "unstored">;
  readonly lock: InsertLock;
  readonly spool: Spool;
  readonly patienceMs?: number;
  readonly now: () => number;
  readonly metrics: Metrics;
  readonly logger: Logger;
}): Storage {
  const stopped = new AbortController();
  let away = false;
  let replaying: Promise<void> | undefined;

  const results = createBatcher<Arrival>({
    ...INSERT,
    send(arrivals) {
      const repeated = new Set(arrivals.flatMap((arrival) => (arrival.repeated ? arrival.result : [])));
      return keep({
        block: { kind: "results", token: newId("job"), sent: false, rows: arrivals.map(({ result }) => result) },
        isSuspect: (row) => repeated.has(row) || now() - row.scheduledAt > FIRST_MS,
      });
    },
  });
  const misses = createBatcher<StoredMiss>({
    ...INSERT,
    send: (rows) => keep({ block: { kind: "misses", token: newId("job"), sent: false, rows }, isSuspect: () => false }),
  });

  /** Inserts what is new of the block. */
  async function put(pending: Pending): Promise<void> {
    const { block, isSuspect } = pending;
    // A miss that is stored twice is counted once when it is read.
    if (block.kind === "misses") return insert(pending);
    const inserted =
      !block.rows.some(isSuspect) &&
      (await lock.shared(async () => {
        // The wait for the lock may have made suspects of them.
        if (block.rows.some(isSuspect)) return false;
        await insert(pending);
        return true;
      }));
    if (inserted) return;
    await lock.exclusive(async () => {
      pending.block = { ...block, rows: await newOf(block.rows, isSuspect, block.sent) };
      await insert(pending);
    });
  }

  async function newOf(
    rows: readonly StoredResult[],
    isSuspect: Pending["isSuspect"],
    sent: boolean,
  ): Promise<StoredResult[]> {
    const suspects = new Set(rows.filter(isSuspect));
    const fresh = new Set(await store.unstored([...suspects], sent));
    metrics.repeated.inc(suspects.size - fresh.size);
    return rows.filter((row) => !suspects.has(row) || fresh.has(row));
  }

  async function insert(pending: Pending): Promise<void> {
    if (pending.block.rows.length === 0) return;
    pending.block = { ...pending.block, sent: true };
    const { block } = pending;
    const end = metrics.storeSeconds.startTimer({ store: "clickhouse" });
    if (block.kind === "results") await store.append(block.rows, block.token);
    else await store.appendMisses(block.rows, block.token);
    end();
    metrics.insertRows.observe(block.rows.length);
    if (block.kind === "results") metrics.stored.inc(block.rows.length);
    else for (const { reason } of block.rows) metrics.misses.inc({ reason });
  }

  /** Stores the block, or spools it when ClickHouse does not take it. Rejects at a stop alone. */
  async function keep(pending: Pending): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      stopped.signal.throwIfAborted();
      try {
        if (!away) return await retryUntil(() => put(pending), { ...RETRY, deadlineMs: patienceMs });
      } catch (thrown) {
        away = true;
        logger.error({ reason: errorText(thrown) }, "ClickHouse is away: results go to the spool");
      }
      try {
        await spool.append(pending.block);
        startReplay();
        return;
      } catch (thrown) {
        startReplay();
        logger.error({ reason: errorText(thrown) }, "Results cannot be spooled: they wait in the queues");
      }
      await sleep(backoffMs(attempt, AWAY), undefined, { signal: stopped.signal });
    }
  }

  function startReplay(): void {
    replaying ??= replay()
      .catch((thrown) => logger.error({ reason: errorText(thrown) }, "The spool cannot be read"))
      .finally(() => {
        replaying = undefined;
      });
  }

  /** Empties the spool in its order; while ClickHouse is away this is what notices its return. */
  async function replay(): Promise<void> {
    for (;;) {
      const entry = await spool.oldest();
      if (stopped.signal.aborted) return;
      if (!entry) break;
      if (!(await replayOne(entry))) return;
      if (away) logger.info({ blocks: spool.blocks }, "ClickHouse is back: what is spooled follows");
      away = false;
    }
    away = false;
  }

  /** Whether the block is dealt with; false at a stop. */
  async function replayOne({ block, remove, setAside }: SpooledBlock): Promise<boolean> {
    const pending: Pending = { block, isSuspect: () => true };
    for (let attempt = 0; ; attempt++) {
      try {
        await put(pending);
        await remove();
        return true;
      } catch (thrown) {
        if (isRefusal(thrown)) {
          logger.error({ rows: block.rows.length, reason: errorText(thrown) }, "ClickHouse refuses a block: set aside");
          await setAside();
          return true;
        }
        const pause = sleep(backoffMs(attempt, AWAY), undefined, { signal: stopped.signal });
        if (
          !(await pause.then(
            () => true,
            () => false,
          ))
        )
          return false;
      }
    }
  }

  return {
    async addResults(arrivals) {
      const wait = untilLookedUp(arrivals, now());
      if (wait > 0) await sleep(wait, undefined, { signal: stopped.signal });
      await results.add(arrivals);
    },
    addMisses: misses.add,
    async start() {
      await spool.open();
      startReplay();
    },
    async stop() {
      await Promise.all([results.drain(), misses.drain()]);
      stopped.abort();
      await replaying;
    },
  };
}

/** How long repetitions have to wait for the first, in ms. A check's time is the agent's to tell, so there is a bound. */
function untilLookedUp(arrivals: readonly Arrival[], now: number): number {
  const youngest = Math.max(...arrivals.map(({ result, repeated }) => (repeated ? result.scheduledAt : 0)));
  return Math.min(Math.max(0, youngest + REPEATED_MS - now), REPEATED_MS);
}
