import { errorText } from "../../shared/errors.ts";
import type { Logger } from "../../shared/logger.ts";
import { retryUntil } from "../../shared/retry.ts";

/**
 * Gathers items and hands them on in batches: when `maxItems` have come together,
 * or `maxWaitMs` after the first. One batch is under way at a time, so that a slow
 * receiver gets larger batches and not more of them.
 */
export interface Batcher<T> {
  /** Resolves when the items have been received; rejects when they have been given up. */
  add(items: readonly T[]): Promise<void>;
  /** Sends what is there without waiting for more; resolves when nothing is left. */
  drain(): Promise<void>;
}

interface Waiting<T> {
  readonly items: readonly T[];
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

export interface BatcherOptions<T> {
  /** What is gathered, for the log. */
  readonly name: string;
  readonly maxItems: number;
  readonly maxWaitMs: number;
  /** A batch that fails is tried again, with backoff, for so long. */
  readonly retryForMs: number;
  readonly send: (items: readonly T[]) => Promise<void>;
  readonly logger: Logger;
}

export function createBatcher<T>({
  name,
  maxItems,
  maxWaitMs,
  retryForMs,
  send,
  logger,
}: BatcherOptions<T>): Batcher<T> {
  const waiting: Waiting<T>[] = [];
  let count = 0;
  let draining = false;
  let running: Promise<void> | undefined;
  let goOn = (): void => undefined;

  /** Ends when a batch is full, when there is a drain, or after maxWaitMs. */
  function gather(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, maxWaitMs);
      goOn = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  function take(): Waiting<T>[] {
    const taken: Waiting<T>[] = [];
    for (let size = 0; size < maxItems; ) {
      const next = waiting.shift();
      if (!next) break;
      taken.push(next);
      size += next.items.length;
      count -= next.items.length;
    }
    return taken;
  }

  async function run(): Promise<void> {
    while (waiting.length > 0) {
      if (count < maxItems && !draining) await gather();
      const batch = take();
      const items = batch.flatMap((entry) => entry.items);
      try {
        await retryUntil(() => send(items), {
          deadlineMs: retryForMs,
          baseMs: 100,
          capMs: 5_000,
          onRetry: (thrown, attempt) =>
            logger.warn(
              { batch: name, items: items.length, attempt, reason: errorText(thrown) },
              "Could not be stored yet",
            ),
        });
        for (const { resolve } of batch) resolve();
      } catch (thrown) {
        logger.error({ batch: name, items: items.length, reason: errorText(thrown) }, "Could not be stored");
        for (const { reject } of batch) reject(thrown);
      }
    }
    running = undefined;
  }

  return {
    add: (items) =>
      items.length === 0
        ? Promise.resolve()
        : new Promise((resolve, reject) => {
            waiting.push({ items, resolve, reject });
            count += items.length;
            if (count >= maxItems) goOn();
            running ??= run();
          }),
    async drain() {
      draining = true;
      goOn();
      await running;
      draining = false;
    },
  };
}
