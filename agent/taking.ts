import type { Part } from "../shared/lifecycle.ts";
import type { Logger } from "../shared/logger.ts";
import type { CheckWorker } from "./worker.ts";

/** Whether the agent takes checks: not while an operator has drained it, nor without a clock that can be corrected. */
export interface Taking extends Part {
  /** Why the clock cannot be corrected; null when it can. */
  readonly clockTrouble: string | null;
  /** Whether the clock may be gone by at this moment. */
  isClockRight(): boolean;
  /** An operator's wish: take no more, see through what is there, stay linked. Or its end. */
  setDrained(isDrained: boolean): void;
}

const LOOK_EVERY_MS = 250;
/** How often the coordinator's clock is asked for while ours cannot be corrected, in ms. */
const SAMPLE_EVERY_MS = 500;
/** Trouble that is over before this, in ms, is not logged. */
const TELL_AFTER_MS = 3_000;

export function createTaking({
  clockTrouble,
  worker,
  onChange,
  onSample,
  monotonic,
  logger,
}: {
  /** See createClockGuard. */
  readonly clockTrouble: () => string | null;
  readonly worker: Pick<CheckWorker, "take" | "pause">;
  /** Told when it takes again, or has been drained: the coordinator is to know at once. */
  readonly onChange: () => void;
  /** Has a sample of the coordinator's clock taken. */
  readonly onSample: () => void;
  readonly monotonic: () => number;
  readonly logger: Logger;
}): Taking {
  let isDrained = false;
  let isStopped = false;
  let trouble = clockTrouble();
  let troubleSince = monotonic();
  let isTold = false;
  let sampledAt = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;

  function look(): void {
    const before = trouble;
    trouble = clockTrouble();
    if (isStopped) return;
    if (trouble === null && before !== null) clockIsRight();
    if (trouble !== null && before === null) {
      troubleSince = monotonic();
      worker.pause({ giveBack: true });
    }
    if (trouble !== null) mend(trouble);
  }

  function clockIsRight(): void {
    if (isTold) logger.info("The clock can be corrected again");
    isTold = false;
    if (!isDrained) take();
  }

  function mend(reason: string): void {
    const now = monotonic();
    if (!isTold && now - troubleSince >= TELL_AFTER_MS) {
      isTold = true;
      logger.error({ reason }, "The clock cannot be corrected: no checks are taken");
    }
    if (now - sampledAt < SAMPLE_EVERY_MS) return;
    sampledAt = now;
    onSample();
  }

  function take(): void {
    worker.take();
    onChange();
  }

  return {
    get clockTrouble() {
      return trouble;
    },
    isClockRight() {
      look();
      return trouble === null;
    },
    setDrained(wish) {
      if (wish === isDrained || isStopped) return;
      isDrained = wish;
      if (isDrained) {
        worker.pause({ giveBack: false });
        logger.info("Drained: no checks are taken until the operator resumes this agent");
        onChange();
      } else {
        logger.info("Resumed: checks are taken again");
        if (trouble === null) take();
      }
    },
    async start() {
      timer = setInterval(look, LOOK_EVERY_MS);
    },
    async stop() {
      isStopped = true;
      clearInterval(timer);
    },
  };
}
