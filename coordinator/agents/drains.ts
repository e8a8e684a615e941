import { setTimeout as sleep } from "node:timers/promises";
import { errorText } from "../../shared/errors.ts";
import type { Part } from "../../shared/lifecycle.ts";
import type { Logger } from "../../shared/logger.ts";
import type { DrainStore } from "../store/drains.ts";
import { baseOf } from "./state.ts";

const RETRY_MS = 1_000;

/** Which agents operators have drained: such a one takes no checks, whichever coordinator it is linked to. */
export interface Drains extends Part {
  /** Resolves when it is known. */
  readonly known: Promise<void>;
  isDrained(agentId: string): boolean;
  /** Calls back whenever they have been read, until the function that comes back is called. */
  onLearned(listener: () => void): () => void;
  /** Has them read again: one was drained or resumed, or that may have gone unheard. */
  onChange(): void;
}

export function createDrains({
  store,
  logger,
}: {
  readonly store: Pick<DrainStore, "list">;
  readonly logger: Logger;
}): Drains {
  const stopping = new AbortController();
  const listeners = new Set<() => void>();
  let drained: ReadonlySet<string> = new Set();
  let wanted = false;
  let reading: Promise<void> | undefined;
  let settleKnown: () => void;
  const known = new Promise<void>((resolve) => {
    settleKnown = resolve;
  });

  async function read(): Promise<void> {
    while (wanted && !stopping.signal.aborted) {
      wanted = false;
      try {
        drained = new Set((await store.list()).map(({ agentId }) => agentId));
        settleKnown();
        for (const listener of listeners) listener();
      } catch (thrown) {
        wanted = true;
        logger.warn({ reason: errorText(thrown) }, "It could not be read which agents are drained");
        await sleep(RETRY_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
      }
    }
    reading = undefined;
  }

  function onChange(): void {
    wanted = true;
    reading ??= read();
  }

  return {
    known,
    isDrained: (agentId) => drained.has(agentId) || drained.has(baseOf(agentId)),
    onLearned(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    onChange,
    async start() {
      onChange();
    },
    async stop() {
      stopping.abort();
      await reading;
    },
  };
}
