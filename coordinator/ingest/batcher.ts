/**
 * Gathers items and hands them on in batches: when `maxItems` have come together,
 * or `maxWaitMs` after the first and `everyMs` after the last batch. One batch is under way at a time, so that a slow
 * receiver gets larger batches and not more of them.
 */
export interface Batcher<T> {
  /** Resolves when the items have been received; rejects with what the receiver rejects with. */
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
  readonly maxItems: number;
  readonly maxWaitMs: number;
  /** Batches that are not full begin at least this long after one another, in ms; 0 unless told otherwise. */
  readonly everyMs?: number;
  readonly send: (items: readonly T[]) => Promise<void>;
}

export function createBatcher<T>({ maxItems, maxWaitMs, everyMs = 0, send }: BatcherOptions<T>): Batcher<T> {
  const waiting: Waiting<T>[] = [];
  let count = 0;
  let draining = false;
  let running: Promise<void> | undefined;
  let goOn = (): void => undefined;

  let sentAt = Number.NEGATIVE_INFINITY;

  /** Ends when a batch is full, when there is a drain, or when it is time. */
  function gather(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, Math.max(maxWaitMs, sentAt + everyMs - performance.now()));
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
      sentAt = performance.now();
      const items = batch.flatMap((entry) => entry.items);
      try {
        await send(items);
        for (const { resolve } of batch) resolve();
      } catch (thrown) {
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
