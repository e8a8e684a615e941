import { setTimeout as sleep } from "node:timers/promises";
import { errorText } from "../shared/errors.ts";
import { newId } from "../shared/id.ts";
import type { Part } from "../shared/lifecycle.ts";
import { withDeadline } from "../shared/lifecycle.ts";
import type { Logger } from "../shared/logger.ts";
import type { QueueServer, ResultsQueue } from "../shared/queues.ts";
import { isRefused, jobOptions, MAX_RESULTS, queueServerLabel } from "../shared/queues.ts";
import type { Miss, Result, ResultBatch } from "../shared/result.ts";
import { backoffMs, retryUntil } from "../shared/retry.ts";
import type { Sender } from "./inherited.ts";
import { sendable } from "./inherited.ts";
import { createNewsSense } from "./news.ts";
import type { Spool, SpooledBatch } from "./spool.ts";

/**
 * Where results and misses wait until the results queue has accepted them. What it does
 * not take for a while goes to the spool, and everything else after it, so that the order
 * is kept; the spool is sent, in its order, as soon as the queue takes results again.
 */
export interface Outbox extends Part {
  /** Resolves when it is accepted or durably spooled. Rejects when the outbox is full or was stopped before. */
  putResult(result: Result): Promise<void>;
  putMiss(miss: Miss): Promise<void>;
  /** Whether the queue server answers within a few seconds. */
  isServerThere(): Promise<boolean>;
  /** Sends an empty batch, unless other batches are under way. */
  signOfLife(): void;
  /** How many are neither accepted nor spooled yet. */
  readonly size: number;
  /** What they take in memory, about, in bytes. */
  readonly bytes: number;
  /** How many are in the spool. */
  readonly spooled: number;
}

/** How long a batch is filled before it goes, in ms: one with news, and one in which everything is as before. */
const NEWS_FILL_MS = 20;
const FILL_MS = 250;
/** A batch is full at about this length, in characters, however few results that is. */
const MAX_LENGTH = 2 ** 20;
/** How many batches may be under way at once: more than one, because the queue may be a continent away. */
const MAX_UNDER_WAY = 8;
/**
 * How much is held in memory, in characters: some 18,000 usual results, or 450 of the
 * largest. While it goes to the spool it is there twice, and an agent's heap may be 64 MB.
 */
export const MAX_HELD = 12 * 2 ** 20;
/** With so much held nothing waits for the queue server: it goes to the spool. */
const HURRY_HELD = MAX_HELD / 2;
/** What a result or miss comes to beside its texts, about, in characters. */
const BARE_LENGTH = 700;
/** How long it is tried to add a batch, in ms, before it goes to the spool. */
const PATIENCE_MS = 2_000;
/** How long one attempt to send a segment of the spool may take, in ms. */
const REPLAY_DEADLINE_MS = 10_000;
const ASK_DEADLINE_MS = 5_000;
const ADD_BACKOFF = { baseMs: 200, capMs: 5_000 };
/** How long a stop waits for the queue server before it spools what is still held, in ms. */
const FAREWELL_PATIENCE_MS = 500;
/** How long a stop waits for what is still held, in ms. */
const FLUSH_DEADLINE_MS = 1_500;
/** How long the farewell to the queue server may take, in ms. */
const CLOSE_DEADLINE_MS = 1_000;
/** The same trouble is logged no more often, in ms. */
const TROUBLE_LOG_MS = 10_000;

interface Entry {
  readonly result?: Result;
  readonly miss?: Miss;
  readonly length: number;
  resolve(): void;
  reject(reason: Error): void;
}

export function createOutbox(deps: {
  readonly sender: Sender;
  readonly server: QueueServer;
  /** A new connection each time it is called. */
  readonly openQueue: () => ResultsQueue;
  /** Opened already. */
  readonly spool: Spool;
  readonly startupTimeoutMs: number;
  /** Whether a refusal by the queue server is for good; it is, unless told otherwise. */
  readonly isFatal?: (thrown: unknown) => boolean;
  /** Told when the queue server refuses the agent for good. */
  readonly onFatal: (thrown: unknown) => void;
  readonly logger: Logger;
}): Outbox {
  const { sender, spool, isFatal = isRefused, logger } = deps;
  const { agentId, region } = sender;
  const aborted = new AbortController();
  /** Aborted while everything goes to the spool. */
  let direct = new AbortController();
  let replaying = false;
  let queue: ResultsQueue | null = null;
  const pending: Entry[] = [];
  let pendingLength = 0;
  let size = 0;
  let held = 0;
  let underWay = 0;
  let stopping = false;
  let fillTimer: NodeJS.Timeout | undefined;
  /** When the batch that is being filled goes; on the monotonic clock. */
  let fillEnd = Number.POSITIVE_INFINITY;
  const isNews = createNewsSense();
  const loggedAt = new Map<string, number>();
  let whenEmpty: () => void = () => undefined;

  function put(content: Pick<Entry, "result" | "miss">): Promise<void> {
    if (aborted.signal.aborted) return Promise.reject(new Error("the outbox is closed"));
    if (held >= MAX_HELD) return Promise.reject(new Error(`the outbox is full: ${size} results wait`));
    const length = BARE_LENGTH + lengthOfTexts(content.result);
    return new Promise((resolve, reject) => {
      const fillMs = content.result && isNews(content.result) ? NEWS_FILL_MS : FILL_MS;
      pending.push({ ...content, length, resolve, reject });
      size++;
      held += length;
      if (held >= HURRY_HELD) divert();
      pendingLength += length;
      if (pending.length >= MAX_RESULTS || pendingLength >= MAX_LENGTH) flush();
      else fillFor(fillMs);
    });
  }

  /** Sends what is pending after this time, in ms, or sooner. */
  function fillFor(ms: number): void {
    const end = performance.now() + ms;
    if (end >= fillEnd) return;
    clearTimeout(fillTimer);
    fillEnd = end;
    fillTimer = setTimeout(flush, ms);
  }

  function flush(): void {
    clearTimeout(fillTimer);
    fillEnd = Number.POSITIVE_INFINITY;
    while (pending.length > 0 && (underWay < MAX_UNDER_WAY || direct.signal.aborted)) {
      void send(takeBatch());
    }
  }

  function takeBatch(): Entry[] {
    let length = 0;
    let count = 0;
    for (const entry of pending) {
      if (count === MAX_RESULTS || length >= MAX_LENGTH) break;
      length += entry.length;
      count++;
    }
    pendingLength -= length;
    return pending.splice(0, count);
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
      await deliver(batch);
    } catch (thrown) {
      failure = thrown as Error;
    }
    underWay--;
    size -= entries.length;
    held -= entries.reduce((sum, { length }) => sum + length, 0);
    for (const entry of entries) {
      if (failure) entry.reject(failure);
      else entry.resolve();
    }
    if (pending.length > 0) flush();
    else if (size === 0) whenEmpty();
  }

  /** Sees the batch into the queue or the spool, however long it takes; gives up only when the outbox is closed. */
  async function deliver(batch: ResultBatch): Promise<void> {
    // The same id every time: an attempt that timed out may have landed all the same.
    const entry = { id: `${agentId}.${newId("job")}`, region, batch };
    const patienceEnd = performance.now() + PATIENCE_MS;
    for (let attempt = 0; ; attempt++) {
      aborted.signal.throwIfAborted();
      if (!direct.signal.aborted) {
        try {
          return await unlessAborted(add([entry], PATIENCE_MS), direct.signal);
        } catch (thrown) {
          if (!direct.signal.aborted) noteTrouble(thrown);
        }
        if (batch.results.length + batch.misses.length === 0) return; // A sign of life that is late says nothing.
      }
      if (direct.signal.aborted || performance.now() > patienceEnd) {
        if (await toSpool(entry)) return;
      }
      await pause(attempt);
    }
  }

  async function add(entries: readonly SpooledBatch[], deadlineMs: number): Promise<void> {
    if (queue === null) throw new Error("the outbox is not started");
    const open = queue;
    // One after the other on one connection. BullMQ's addBulk would want more rights of an agent.
    const added = entries.map(({ id, batch }) => open.add("results", batch, { ...jobOptions, jobId: id }));
    try {
      await withDeadline(Promise.all(added), deadlineMs, "the queue server did not answer");
    } catch (thrown) {
      if (isFatal(thrown)) deps.onFatal(thrown);
      throw thrown;
    }
  }

  /** Whether the batch is in the spool. */
  async function toSpool(entry: SpooledBatch): Promise<boolean> {
    try {
      const spooled = spool.append(entry);
      divert();
      await spooled;
      void replay();
      return true;
    } catch (thrown) {
      noteTrouble(thrown, "Results wait: the spool does not take them either");
      sendDirectly();
      return false;
    }
  }

  /** From now on everything goes to the spool; first what is on its way already. */
  function divert(): void {
    if (direct.signal.aborted) return;
    direct.abort();
    setImmediate(flush);
    logger.warn("Results go to the spool until the queue server takes them again");
  }

  /** Leaves the spool aside again, if it is empty. */
  function sendDirectly(): boolean {
    if (spool.size > 0) return false;
    if (direct.signal.aborted && !stopping) direct = new AbortController();
    return true;
  }

  /** Sends what is spooled; while the queue server is away this is what notices its return. */
  async function replay(): Promise<void> {
    if (replaying) return;
    replaying = true;
    for (let attempt = 0; !aborted.signal.aborted; ) {
      const segment = await spool.oldest();
      if (segment === null) {
        if (!sendDirectly()) continue;
        replaying = false;
        logger.info("The spool is empty: results go to the queue server again");
        return;
      }
      try {
        const { entries, inherited, foreign } = sendable(segment.entries, sender);
        await add(entries, REPLAY_DEADLINE_MS);
        await segment.remove();
        if (inherited > 0)
          logger.info({ results: inherited }, "Sent what was spooled as another agent in its own name");
        if (foreign > 0) logger.error({ results: foreign }, "Spooled results of another region are dropped");
        attempt = 0;
      } catch (thrown) {
        noteTrouble(thrown);
        await pause(attempt++);
      }
    }
  }

  /** Backs off; a stop cuts it short. */
  async function pause(attempt: number): Promise<void> {
    await sleep(backoffMs(attempt, ADD_BACKOFF), undefined, { signal: aborted.signal }).catch(() => undefined);
  }

  function noteTrouble(thrown: unknown, what = "Results wait: the queue server does not take them"): void {
    const now = performance.now();
    if (now - (loggedAt.get(what) ?? Number.NEGATIVE_INFINITY) < TROUBLE_LOG_MS) return;
    loggedAt.set(what, now);
    logger.warn({ waiting: size, spooled: spool.size, reason: errorText(thrown) }, what);
  }

  /**
   * A queue that answers. A connection that once failed to find its schema stays
   * failed, so every attempt gets a new one, and ends with its first trouble.
   */
  async function openReady(): Promise<ResultsQueue> {
    const opened = deps.openQueue();
    const trouble = new Promise<never>((_, reject) => opened.on("error", reject));
    try {
      await withDeadline(Promise.race([opened.getJob(`${agentId}.none`), trouble]), ASK_DEADLINE_MS, "no answer");
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
      if (queue !== null && underWay === 0 && !direct.signal.aborted && !aborted.signal.aborted) void send([]);
    },
    async isServerThere() {
      if (queue === null) return false;
      const answer = withDeadline(queue.getJob(`${agentId}.none`), ASK_DEADLINE_MS, "no answer");
      return answer.then(
        () => true,
        () => false,
      );
    },
    get size() {
      return size;
    },
    get bytes() {
      return held;
    },
    get spooled() {
      return spool.size;
    },
    async start() {
      const server = queueServerLabel(deps.server);
      try {
        queue = await retryUntil(openReady, {
          baseMs: 200,
          capMs: 3_000,
          deadlineMs: deps.startupTimeoutMs,
          signal: aborted.signal,
          isFinal: isFatal,
          onRetry: (thrown, attempt) =>
            logger.warn({ server, attempt, reason: errorText(thrown) }, "Waiting for the queue server"),
        });
      } catch (thrown) {
        throw new Error(`the queue server ${server} cannot be used: ${errorText(thrown)}`);
      }
      if (spool.size > 0) {
        direct.abort();
        void replay();
      }
    },
    abort: () => aborted.abort(new Error("the outbox is closed")),
    async stop() {
      flush();
      if (size > 0) {
        const empty = new Promise<void>((resolve) => {
          whenEmpty = resolve;
        });
        const patience = setTimeout(() => {
          stopping = true;
          divert();
        }, FAREWELL_PATIENCE_MS);
        await withDeadline(empty, FLUSH_DEADLINE_MS, "sent").catch(() => {
          logger.warn({ results: size }, "Results are left behind: neither the queue server nor the spool takes them");
        });
        clearTimeout(patience);
      }
      aborted.abort(new Error("the outbox is closed"));
      for (const entry of pending.splice(0)) entry.reject(new Error("the outbox is closed"));
      const open = queue;
      if (open === null) return;
      await withDeadline(open.close(), CLOSE_DEADLINE_MS, "closed").catch(() => open.disconnect());
    },
  };
}

function lengthOfTexts(result: Result | undefined): number {
  if (!result) return 0;
  const { error, failedAssertions } = result;
  return failedAssertions.reduce((sum, text) => sum + text.length, error?.message.length ?? 0);
}

/** The outcome of the work; when the signal aborts first, it is left to itself. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let abort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
