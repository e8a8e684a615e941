import { setTimeout as sleep } from "node:timers/promises";
import { errorText } from "./errors.ts";
import type { Part } from "./lifecycle.ts";
import type { Logger } from "./logger.ts";
import type { Supervisor } from "./systemd.ts";

const LOOK_EVERY_MS = 250;
/** So many messages fit into the supervisor's patience: some may be lost. */
const BEATS = 3;
/** How often one that does not watch is told the status, in ms. */
const STATUS_EVERY_MS = 30_000;

/**
 * Tells a supervisor when the work has begun, that it goes on as long as it does, and when
 * its end has begun. The last part of a program: started when all others run, stopped
 * before they are.
 */
export function createSupervised({
  supervisor,
  isReady,
  isAlive,
  status,
  logger,
}: {
  /** Null when there is nobody to tell. */
  readonly supervisor: Supervisor | null;
  readonly isReady: () => boolean | Promise<boolean>;
  /** Whether there was progress of late, or nothing to make progress with. That it is asked at all says that the process is not frozen. */
  readonly isAlive: () => boolean | Promise<boolean>;
  readonly status: () => string | Promise<string>;
  readonly logger: Logger;
}): Part {
  const stopped = new AbortController();
  const { signal } = stopped;
  const pause = (ms: number) => sleep(ms, undefined, { signal }).catch(() => undefined);

  async function tell(to: Supervisor, news: Parameters<Supervisor["tell"]>[0]): Promise<void> {
    try {
      await to.tell(news);
    } catch (thrown) {
      logger.warn({ reason: errorText(thrown) }, "The supervisor could not be told how this process is");
    }
  }

  async function keepTelling(to: Supervisor): Promise<void> {
    while (!signal.aborted && !(await isReady())) await pause(LOOK_EVERY_MS);
    const everyMs = to.patienceMs === null ? STATUS_EVERY_MS : to.patienceMs / BEATS;
    let wasAlive = true;
    for (let alive = true; !signal.aborted; alive = await isAlive()) {
      if (alive) await tell(to, { ready: true, alive: to.patienceMs !== null, status: await status() });
      else if (wasAlive) logger.error("No progress is made: the supervisor is not told that all is well");
      wasAlive = alive;
      await pause(everyMs);
    }
  }

  return {
    async start() {
      if (supervisor) void keepTelling(supervisor);
    },
    async stop() {
      stopped.abort();
      if (supervisor) await tell(supervisor, { stopping: true });
    },
  };
}
