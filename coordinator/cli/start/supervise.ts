import { setTimeout as sleep } from "node:timers/promises";
import { errorText } from "../../../shared/errors.ts";
import { backoffMs } from "../../../shared/retry.ts";

/** A process of ours that should run as long as we do. */
export interface Running {
  /** Resolves when it is gone, with how it ended. */
  readonly ended: Promise<string>;
  stop(patienceMs?: number): Promise<void>;
}

export interface Supervision {
  /** Stops the process and what would start it again. */
  stop(patienceMs?: number): Promise<void>;
}

const backoff = { baseMs: 500, capMs: 30_000 };
/** A process that ran this long, in ms, was well: the next pause is the shortest again. */
const WELL_MS = 60_000;

export interface SuperviseOptions {
  readonly name: string;
  /** The process as it runs now. */
  readonly first: Running;
  readonly startAgain: () => Promise<Running>;
  /** Told of every end and every failure to start again. */
  readonly say: (text: string) => void;
}

/** Starts a process again, after a growing pause, whenever it ends of itself. */
export function supervise({ name, first, startAgain, say }: SuperviseOptions): Supervision {
  const stopping = new AbortController();
  let current: Running | null = first;

  async function watch(): Promise<void> {
    let attempt = 0;
    let began = performance.now();
    while (true) {
      const how = current === null ? "did not start" : `ended (${await current.ended})`;
      if (stopping.signal.aborted) return;
      current = null;
      if (performance.now() - began > WELL_MS) attempt = 0;
      const pause = backoffMs(attempt++, backoff);
      say(`${name} ${how}; starting it again in ${(pause / 1_000).toFixed(1)} s`);
      await sleep(pause, undefined, { signal: stopping.signal }).catch(() => undefined);
      if (stopping.signal.aborted) return;
      began = performance.now();
      try {
        current = await startAgain();
        if (stopping.signal.aborted) return await current.stop();
      } catch (thrown) {
        say(`${name}: ${errorText(thrown)}`);
      }
    }
  }

  const watching = watch();
  return {
    async stop(patienceMs) {
      stopping.abort();
      await current?.stop(patienceMs);
      await watching;
    },
  };
}
