import { setTimeout as sleep } from "node:timers/promises";

export interface Backoff {
  /** The first pause, in ms. */
  readonly baseMs: number;
  /** No pause is longer, in ms. */
  readonly capMs: number;
}

/**
 * The pause before retry `attempt` (from 0), in ms: exponential with full jitter
 * over its upper half, so that many clients that failed together come back apart.
 * See M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
export function backoffMs(attempt: number, { baseMs, capMs }: Backoff, random: () => number = Math.random): number {
  const ceiling = Math.min(capMs, baseMs * 2 ** Math.min(attempt, 30));
  return ceiling / 2 + (random() * ceiling) / 2;
}

/**
 * Tries `work` until it succeeds, `deadlineMs` have passed, or the signal aborts;
 * then throws the last failure (or the signal's reason). `onRetry` is told of
 * every failure that will be tried again.
 */
export async function retryUntil<T>(
  work: () => Promise<T>,
  options: Backoff & {
    readonly deadlineMs: number;
    readonly signal?: AbortSignal;
    readonly onRetry?: (thrown: unknown, attempt: number) => void;
    /** Failures that no repetition can mend are thrown at once. */
    readonly isFinal?: (thrown: unknown) => boolean;
  },
): Promise<T> {
  const end = performance.now() + options.deadlineMs;
  for (let attempt = 0; ; attempt++) {
    options.signal?.throwIfAborted();
    try {
      return await work();
    } catch (thrown) {
      options.signal?.throwIfAborted();
      const pause = backoffMs(attempt, options);
      if (options.isFinal?.(thrown) || performance.now() + pause > end) throw thrown;
      options.onRetry?.(thrown, attempt);
      await sleep(pause, undefined, options.signal ? { signal: options.signal } : {});
    }
  }
}
