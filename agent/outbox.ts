import { setTimeout as sleep } from "node:timers/promises";
import { errorText } from "../shared/errors.ts";
import { newId } from "../shared/id.ts";
import type { Part } from "../shared/lifecycle.ts";
import { withDeadline } from "../shared/lifecycle.ts";
import type { Logger } from "../shared/logger.ts";
import type { QueueServer, ResultsQueue } from "../shared/queues.ts";
import { isRefused, jobOptions, MAX_BATCH, queueServerLabel } from "../shared/queues.ts";
import type { Miss, Result, ResultBatch } from "../shared/result.ts";
import { backoffMs, retryUntil } from "../shared/retry.ts";

/** Where results and misses wait until the results queue has accepted them. */
export interface Outbox extends Part {
  /** Resolves when it is accepted. Rejects when the outbox is full or was stopped before. */
  putResult(result: Result): Promise<void>;
  putMiss(miss: Miss): Promise<void>;
  /** Sends an empty batch, unless other batches are under way. */
  signOfLife(): void;
  /** How many are not accepted yet. */
  readonly size: number;
}

/** How long a batch is filled before it goes, in ms. */
const FILL_MS = 20;
/** How many batches may be under way at once: more than one, because the queue may be a continent away. */
const MAX_UNDER_WAY = 8;
/** How much is held while the queue server is away; about 1 KB each. */
const MAX_HELD = 50_000;
/** How long one attempt to add a batch may take, in ms. */
const ADD_DEADLINE_MS = 10_000;
const ASK_DEADLINE_MS = 5_000;
const ADD_BACKOFF = { baseMs: 200, capMs: 5_000 };
/** How long a stop waits for what is still held, in ms. */
const FLUSH_DEADLINE_MS = 1_500;
/** How long the farewell to the queue server may take, in ms. */
const CLOSE_DEADLINE_MS = 1_000;
/** A queue server that is away is logged no more often, in ms. */
const TROUBLE_LOG_MS = 10_000;

interface Entry {
  readonly result?: Result;
  readonly miss?: Miss;
  resolve(): void;
  reject(reason: Error): void;
}

export function createOutbox(deps: {
  readonly agentId: string;
  readonly server: QueueServer;
  /** A new connection each time it is called. */
  readonly openQueue: () => ResultsQueue;
  readonly startupTimeoutMs: number;
  /** Told when the queue server refuses the agent for good. */
  readonly onFatal: (thrown: unknown) => void;
  readonly logger: Logger;
}): Outbox {
  const { agentId, logger } = deps;
  const aborted = new AbortController();
  let queue: ResultsQueue | null = null;
  let pending: Entry[] = [];
  let size = 0;
  let underWay = 0;
  let fillTimer: NodeJS.Timeout | undefined;
  let troubleLoggedAt = Number.NEGATIVE_INFINITY;
  let whenEmpty: () => void = () => undefined;

  function put(content: Pick<Entry, "result" | "miss">): Promise<void> {
    if (aborted.signal.aborted) return Promise.reject(new Error("the outbox is closed"));
    if (size >= MAX_HELD) return Promise.reject(new Error(`the outbox is full: ${MAX_HELD} results wait`));
    return new Promise((resolve, reject) => {
      pending.push({ ...content, resolve, reject });
      size++;
      if (pending.length >= MAX_BATCH) flush();
      else fillTimer ??= setTimeout(flush, FILL_MS);
    });
  }

  function flush(): void {
    clearTimeout(fillTimer);
    fillTimer = undefined;
    while (pending.length > 0 && underWay < MAX_UNDER_WAY) {
      const entries = pending.slice(0, MAX_BATCH);
      pending = pending.slice(MAX_BATCH);
      void send(entries);
    }
  }

  async function send(entries: readonly Entry[]): Promise<void> {
    underWay++;
    const batch: ResultBatch = {
      v: 1,
      agentId,
      results: entries.flatMap(({ result }) => result ?? []),
      misses: entries.flatMap(({ miss }) => miss ?? []),
    };
    let failure: Error | null = null;
    try {
      await add(batch);
    } catch (thrown) {
      failure = thrown as Error;
    }
    underWay--;
    size -= entries.length;
    for (const entry of entries) {
      if (failure) entry.reject(failure);
      else entry.resolve();
    }
    if (pending.length > 0) flush();
    else if (size === 0) whenEmpty();
  }

  /** Adds the batch, however long it takes; gives up only when the outbox is closed. */
  async function add(batch: ResultBatch): Promise<void> {
    // The same id every time: an attempt that timed out may have landed all the same.
    const jobId = `${agentId}.${newId("job")}`;
    for (let attempt = 0; ; attempt++) {
      aborted.signal.throwIfAborted();
      try {
        if (queue === null) throw new Error("the outbox is not started");
        await withDeadline(
          queue.add("results", batch, { ...jobOptions, jobId }),
          ADD_DEADLINE_MS,
          "the queue server did not answer",
        );
        return;
      } catch (thrown) {
        if (isRefused(thrown)) deps.onFatal(thrown);
        noteTrouble(thrown);
      }
      await sleep(backoffMs(attempt, ADD_BACKOFF), undefined, { signal: aborted.signal });
    }
  }

  function noteTrouble(thrown: unknown): void {
    const now = performance.now();
    if (now - troubleLoggedAt < TROUBLE_LOG_MS) return;
    troubleLoggedAt = now;
    logger.warn({ waiting: size, reason: errorText(thrown) }, "Results wait: the queue server does not take them");
  }

  /**
   * A queue that answers. A connection that once failed to find its schema stays
   * failed, so every attempt gets a new one, and ends with its first trouble.
   */
  async function openReady(): Promise<ResultsQueue> {
    const opened = deps.openQueue();
    const trouble = new Promise<never>((_, reject) => opened.on("error", reject));
    try {
      await withDeadline(Promise.race([opened.getJob("none"), trouble]), ASK_DEADLINE_MS, "no answer");
      return opened;
    } catch (thrown) {
      opened.close().catch(() => undefined);
      throw thrown;
    } finally {
      trouble.catch(() => undefined);
    }
  }

  return {
    putResult: (result) => put({ result }),
    putMiss: (miss) => put({ miss }),
    signOfLife() {
      if (queue !== null && underWay === 0 && !aborted.signal.aborted) void send([]);
    },
    get size() {
      return size;
    },
    async start() {
      const server = queueServerLabel(deps.server);
      try {
        queue = await retryUntil(openReady, {
          baseMs: 200,
          capMs: 3_000,
          deadlineMs: deps.startupTimeoutMs,
          signal: aborted.signal,
          isFinal: isRefused,
          onRetry: (thrown, attempt) =>
            logger.warn({ server, attempt, reason: errorText(thrown) }, "Waiting for the queue server"),
        });
      } catch (thrown) {
        throw new Error(`the queue server ${server} cannot be used: ${errorText(thrown)}`);
      }
    },
    async stop() {
      flush();
      if (size > 0) {
        const empty = new Promise<void>((resolve) => {
          whenEmpty = resolve;
        });
        await withDeadline(empty, FLUSH_DEADLINE_MS, "sent").catch(() => {
          logger.warn({ results: size }, "Results are left behind: the queue server does not take them");
        });
      }
      aborted.abort(new Error("the outbox is closed"));
      for (const entry of pending.splice(0)) entry.reject(new Error("the outbox is closed"));
      const open = queue;
      if (open === null) return;
      await withDeadline(open.close(), CLOSE_DEADLINE_MS, "closed").catch(() => open.disconnect());
    },
  };
}
