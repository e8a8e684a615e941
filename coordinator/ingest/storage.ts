import { setTimeout as sleep } from "node:timers/promises";
import { errorText } from "../../shared/errors.ts";
import { newId } from "../../shared/id.ts";
import type { Part } from "../../shared/lifecycle.ts";
import type { Logger } from "../../shared/logger.ts";
import { backoffMs, retryUntil } from "../../shared/retry.ts";
import type { Metrics } from "../metrics.ts";
import { isRefusal } from "../store/clickhouse.ts";
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

/** A result, and whether the same check may have brought another that is stored already. */
export interface Arrival {
  readonly result: StoredResult;
  readonly suspect: boolean;
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
 *   to a second agent, whatever arrives late) is looked up before it is inserted. So
 *   a coordinator that is killed between insert and the job's completion, and the one
 *   that takes over the job, count it once. A spooled block is looked up as a whole,
 *   because others may have stored some of it while it waited.
 * - What is left: two coordinators that insert two runs of one check within the same
 *   moment. The rows are then one in every list, and two in a sum.
 */
export interface Storage extends Part {
  /** Resolves when the results are stored or durably spooled; while neither can be done it waits. */
  addResults(arrivals: readonly Arrival[]): Promise<void>;
  addMisses(misses: readonly StoredMiss[]): Promise<void>;
}

export function createStorage({
  store,
  spool,
  patienceMs = PATIENCE_MS,
  metrics,
  logger,
}: {
  readonly store: Pick<ResultStore, "append" | "appendMisses" | "unstored">;
  readonly spool: Spool;
  readonly patienceMs?: number;
  readonly metrics: Metrics;
  readonly logger: Logger;
}): Storage {
  const stopped = new AbortController();
  let away = false;
  let replaying: Promise<void> | undefined;

  const results = createBatcher<Arrival>({
    ...INSERT,
    send(arrivals) {
      const rows = arrivals.map(({ result }) => result);
      const suspects = arrivals.flatMap(({ result, suspect }) => (suspect ? result : []));
      return keep({ kind: "results", token: newId("job"), sifted: suspects.length === 0, rows }, suspects);
    },
  });
  const misses = createBatcher<StoredMiss>({
    ...INSERT,
    send: (rows) => keep({ kind: "misses", token: newId("job"), sifted: true, rows }, []),
  });

  /** Takes out of a block those suspects that are stored already. */
  async function sift(block: Block, suspects: readonly StoredResult[]): Promise<Block> {
    if (block.sifted || block.kind === "misses") return block;
    const fresh = new Set(await store.unstored(suspects));
    const stored = new Set(suspects.filter((result) => !fresh.has(result)));
    metrics.repeated.inc(stored.size);
    return { ...block, sifted: true, rows: block.rows.filter((result) => !stored.has(result)) };
  }

  /** Stores the block, or spools it when ClickHouse does not take it. Rejects at a stop alone. */
  async function keep(given: Block, suspects: readonly StoredResult[]): Promise<void> {
    let block = given;
    let sent = false;
    for (let attempt = 0; ; attempt++) {
      stopped.signal.throwIfAborted();
      try {
        if (!away) {
          await retryUntil(
            async () => {
              block = await sift(block, suspects);
              sent = true;
              await insert(block);
            },
            { ...RETRY, deadlineMs: patienceMs },
          );
          return;
        }
      } catch (thrown) {
        away = true;
        logger.error({ reason: errorText(thrown) }, "ClickHouse is away: results go to the spool");
      }
      try {
        // Of one that was not sent, others may store some before its turn comes.
        await spool.append(sent ? block : { ...block, sifted: false });
        startReplay();
        return;
      } catch (thrown) {
        startReplay();
        logger.error({ reason: errorText(thrown) }, "Results cannot be spooled: they wait in the queues");
      }
      await sleep(backoffMs(attempt, AWAY), undefined, { signal: stopped.signal });
    }
  }

  async function insert(block: Block): Promise<void> {
    if (block.rows.length === 0) return;
    const end = metrics.storeSeconds.startTimer({ store: "clickhouse" });
    if (block.kind === "results") await store.append(block.rows, block.token);
    else await store.appendMisses(block.rows, block.token);
    end();
    metrics.insertRows.observe(block.rows.length);
    if (block.kind === "results") metrics.stored.inc(block.rows.length);
    else for (const { reason } of block.rows) metrics.misses.inc({ reason });
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
  async function replayOne({ block: spooled, remove, setAside }: SpooledBlock): Promise<boolean> {
    let block = spooled;
    for (let attempt = 0; ; attempt++) {
      try {
        // Once only: should an insert of this block be lost half-way, its own rows must not count as stored by others.
        if (block.kind === "results") block = await sift(block, block.rows);
        await insert(block);
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
    addResults: results.add,
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
