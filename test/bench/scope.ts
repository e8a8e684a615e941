import { errorText } from "../../shared/errors.ts";

/** Everything that a benchmark has started, so that nothing outlives it. */
export interface Scope {
  /** Hands back what it is given; at the close it is stopped. */
  add<T extends { stop(): Promise<unknown> }>(started: T): T;
  /** Stops everything, the latest first; resolves when all of it is stopped, also when called again meanwhile. */
  close(): Promise<void>;
}

/** @param warn told of what did not stop; the rest is stopped all the same. */
export function createScope(warn: (text: string) => void): Scope {
  const open: Array<{ stop(): Promise<unknown> }> = [];
  let closing = Promise.resolve();

  async function stopAll(): Promise<void> {
    for (let next = open.pop(); next; next = open.pop()) {
      try {
        await next.stop();
      } catch (thrown) {
        warn(`not stopped: ${errorText(thrown)}`);
      }
    }
  }

  return {
    add(started) {
      open.push(started);
      return started;
    },
    close() {
      closing = closing.then(stopAll);
      return closing;
    },
  };
}
