import { errorText } from "./errors.ts";
import type { Logger } from "./logger.ts";

/** Something that runs. `stop` may be called once, after `start` has resolved. */
export interface Part {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Gives up a start that is under way, which then fails soon. Parts have it whose start may take long. */
  abort?(): void;
  /** Settles when the part asks to be stopped: resolves when its work is done, rejects when it cannot go on. */
  readonly ended?: Promise<void>;
}

/** How long one part may take to stop before the next one's turn, in ms. */
const STOP_DEADLINE_MS = 5_000;

/**
 * Runs parts as one: starts them in the order given, stops them in reverse. When
 * one fails to start, those before it are stopped and the failure is thrown. A
 * part that fails to stop, or takes longer than its deadline, is logged and the
 * rest still stop. A stop while they start gives up the part whose turn it is.
 */
export function inSequence(parts: ReadonlyArray<readonly [name: string, part: Part]>, logger: Logger): Part {
  const running: Array<readonly [string, Part]> = [];
  let starting: Part | null = null;
  async function stop(): Promise<void> {
    starting?.abort?.();
    for (const [name, part] of running.splice(0).reverse()) {
      try {
        await withDeadline(part.stop(), STOP_DEADLINE_MS, `${name} did not stop`);
      } catch (thrown) {
        logger.error({ part: name, reason: errorText(thrown) }, "A part did not stop cleanly");
      }
    }
  }
  return {
    async start() {
      for (const [name, part] of parts) {
        starting = part;
        try {
          await part.start();
        } catch (thrown) {
          starting = null;
          await stop();
          throw thrown;
        }
        starting = null;
        running.push([name, part]);
      }
    },
    stop,
  };
}

/**
 * The promise's outcome, or an Error `<what> within <ms> ms` when it takes
 * longer. The work itself is not cancelled.
 */
export async function withDeadline<T>(work: Promise<T>, ms: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
