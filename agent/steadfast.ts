import { setTimeout as sleep } from "node:timers/promises";
import { errorText } from "../shared/errors.ts";
import type { Part } from "../shared/lifecycle.ts";
import type { Logger } from "../shared/logger.ts";
import { type Backoff, backoffMs } from "../shared/retry.ts";
import { createSupervised } from "../shared/supervised.ts";
import type { Supervisor } from "../shared/systemd.ts";
import { refusesAgent } from "./refused.ts";

const AGAIN = { baseMs: 15_000, capMs: 600_000 };
/** An agent that worked this long, in ms, was well: the next pause is the shortest again. */
const WELL_MS = 120_000;

/**
 * An enrolled agent that stays when it is refused. It may have been revoked, for good or until an operator sees the
 * mistake: an end would be a restart by whoever supervises it, again and again. So it stops its work, says so, and
 * comes back after minutes, with the credential that it has then.
 * @param build makes the agent anew; given who is to be told how it is
 * @param onRefused what stands in for the agent meanwhile, told why
 */
export function createSteadfastAgent({
  build,
  onRefused,
  supervisor,
  logger,
  backoff = AGAIN,
}: {
  readonly build: (supervisor: Supervisor | null) => Part;
  readonly onRefused: (reason: string) => Part;
  readonly supervisor: Supervisor | null;
  readonly logger: Logger;
  readonly backoff?: Backoff;
}): Part {
  const stopping = new AbortController();
  const { signal } = stopping;
  let agent: Part | null = null;
  /** The last start, which may go on though its agent has been stopped; two agents are not to overlap. */
  let beginning: Promise<void> = Promise.resolve();
  const never = new Promise<void>(() => undefined);
  const aborted = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  const [started, start] = deferred();
  const [ended, end] = deferred();
  ended.catch(() => undefined); // Whoever runs the agent listens to it.
  /** One agent's end is not that of the process. */
  const supervisorOfOne: Supervisor | null = supervisor && {
    patienceMs: supervisor.patienceMs,
    tell: async (news) => void (news.stopping || (await supervisor.tell(news))),
  };

  /** From one beginning to its end. @throws what ended it, if it did not end well. */
  async function runOnce(isAgain: boolean): Promise<void> {
    const part = build(supervisorOfOne);
    agent = part;
    const starting = part.start();
    beginning = starting.then(
      async () => {
        if (agent !== part) await part.stop();
      },
      () => {
        if (agent === part) agent = null; // What it had started, it has stopped.
      },
    );
    // It may be refused by the coordinator while it waits for the queue server.
    const begun = Promise.race([starting, part.ended ?? never]);
    await (isAgain ? tellingOn(begun, "beginning again") : begun);
    start.resolve();
    await Promise.race([part.ended ?? never, aborted]);
  }

  async function keepRunning(): Promise<void> {
    for (let refusals = 0; ; refusals++) {
      const began = performance.now();
      try {
        return await runOnce(refusals > 0);
      } catch (thrown) {
        if (signal.aborted || !refusesAgent(thrown)) throw thrown;
        if (performance.now() - began > WELL_MS) refusals = 0;
        const pause = backoffMs(refusals, backoff);
        const reason = errorText(thrown);
        logger.error(
          { reason, retryInMs: Math.round(pause) },
          "This agent is refused: it was revoked, or its credential was replaced. It performs no checks",
        );
        await tellingOn(stopAgent(), "refused, and ending its work");
        await standIn(reason, pause);
        await tellingOn(beginning, "beginning again");
      }
      if (signal.aborted) return;
    }
  }

  /** Whoever was told once that all is well is to be told on, while what has a deadline of its own takes long. */
  async function tellingOn(work: Promise<void>, status: string): Promise<void> {
    const telling = createSupervised({
      supervisor: supervisorOfOne,
      isReady: () => true,
      isAlive: () => true,
      status: () => status,
      logger,
    });
    await telling.start();
    await work.finally(telling.stop);
  }

  async function stopAgent(): Promise<void> {
    const part = agent;
    agent = null;
    await part?.stop();
  }

  async function standIn(reason: string, ms: number): Promise<void> {
    const waiting = [
      onRefused(reason),
      createSupervised({
        supervisor: supervisorOfOne,
        isReady: () => true,
        isAlive: () => true,
        status: () => `refused, and waiting: ${reason}`,
        logger,
      }),
    ];
    for (const part of waiting) await part.start();
    start.resolve();
    await sleep(ms, undefined, { signal }).catch(() => undefined);
    for (const part of waiting.reverse()) await part.stop();
  }

  return {
    ended,
    async start() {
      keepRunning().then(end.resolve, (thrown) => {
        start.reject(thrown);
        end.reject(thrown);
      });
      await started;
    },
    async stop() {
      stopping.abort();
      await supervisor
        ?.tell({ stopping: true })
        .catch((thrown) => logger.debug({ reason: errorText(thrown) }, "The supervisor could not be told of the end"));
      await stopAgent();
    },
  };
}

function deferred(): [promise: Promise<void>, settle: { resolve(): void; reject(thrown: unknown): void }] {
  let settle: { resolve(): void; reject(thrown: unknown): void } | undefined;
  const promise = new Promise<void>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return [promise, settle as NonNullable<typeof settle>];
}
