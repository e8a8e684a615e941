import { monitorEventLoopDelay } from "node:perf_hooks";
import type { AgentLoad } from "../shared/agent-message.ts";
import type { Part } from "../shared/lifecycle.ts";
import type { Canaries } from "./canaries.ts";
import type { ClockSync } from "./clock-sync.ts";
import type { Lateness } from "./lateness.ts";
import type { Outbox } from "./outbox.ts";
import { MAX_HELD } from "./outbox.ts";
import type { Spool } from "./spool.ts";
import type { Taking } from "./taking.ts";
import { createUsage } from "./usage.ts";
import type { CheckWorker } from "./worker.ts";

const LOOP_DELAY_RESOLUTION_MS = 20;

/** What the agent tells of itself. */
export interface Load extends Part {
  /** How it is now, and how it was since the last call. */
  sinceLast(): Omit<AgentLoad, "upgradable">;
}

export function createLoad({
  worker,
  taking,
  lateness,
  outbox,
  spool,
  canaries,
  clockSync,
  capacity,
  spoolMaxBytes,
}: {
  readonly worker: Pick<CheckWorker, "work" | "inFlight" | "lastFetchAgoMs">;
  readonly taking: Pick<Taking, "clockTrouble">;
  readonly lateness: Pick<Lateness, "summary">;
  readonly outbox: Pick<Outbox, "size" | "bytes" | "spooled">;
  readonly spool: Pick<Spool, "bytes" | "droppedAgoMs">;
  readonly canaries: Pick<Canaries, "failing">;
  readonly clockSync: Pick<ClockSync, "estimate">;
  /** How many checks may be in flight. */
  readonly capacity: number;
  readonly spoolMaxBytes: number;
}): Load {
  const usage = createUsage();
  const loopDelay = monitorEventLoopDelay({ resolution: LOOP_DELAY_RESOLUTION_MS });
  return {
    sinceLast() {
      const estimate = clockSync.estimate();
      const loopDelayMs = Math.max(0, loopDelay.max / 1e6 - LOOP_DELAY_RESOLUTION_MS);
      loopDelay.reset();
      return {
        work: worker.work,
        clockTrouble: taking.clockTrouble,
        inFlight: worker.inFlight,
        capacity,
        lateness: lateness.summary(),
        outbox: outbox.size,
        outboxBytes: outbox.bytes,
        outboxMaxBytes: MAX_HELD,
        spooled: outbox.spooled,
        spoolBytes: spool.bytes,
        spoolMaxBytes,
        droppedAgoMs: spool.droppedAgoMs,
        loopDelayMs,
        clockOffsetMs: estimate?.offsetMs ?? null,
        clockErrorMs: estimate?.errorMs ?? null,
        lastFetchAgoMs: worker.lastFetchAgoMs,
        failingCanaries: canaries.failing && [...canaries.failing],
        ...usage.sinceLast(),
      };
    },
    async start() {
      loopDelay.enable();
    },
    async stop() {
      loopDelay.disable();
    },
  };
}
