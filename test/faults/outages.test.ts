import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, type TestContext, test } from "vitest";
import { missedIn } from "./deployment.ts";
import { watchMemory } from "./memory-watch.ts";
import { runThrough, runWell } from "./run-through.ts";

/** FAULT_SECONDS and FAULT_RATE make long trials of these short tests: see CONTRIBUTING.md. */
const SECONDS = Number(process.env.FAULT_SECONDS ?? 8);
/** Checks per second. */
const RATE = Number(process.env.FAULT_RATE ?? 5);
/** How often in an outage the target fails, and is well again. */
const FAILURES = SECONDS < 60 ? 1 : 5;
/** A verdict may wait for a round, for the results to be gathered, and for a busy machine; in ms. */
const VERDICT_WITHIN_MS = 10_000;
const REPLAY_WITHIN_MS = 60_000 + SECONDS * 500;

const said = ({ task: { name } }: TestContext, text: string): void => console.log(`${name}\n  ${text}`);

async function msUntil(work: Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work;
  return Math.round(performance.now() - begin);
}

describe.concurrent("through an outage", { timeout: 180_000 + SECONDS * 2_500 }, () => {
  test("ClickHouse is away: verdicts go on, and what is made meanwhile is stored when it is back", async (context) => {
    const options = { ownStores: true, monitors: RATE };
    const counts = await runThrough(context, options, async (deployment) => {
      const { clickhouse, breakTarget, verdicts, spoolEmptied, coordinators, agents } = deployment;
      const memory = watchMemory({ coordinator: coordinators[0]?.pid as number, agent: agents[0]?.pid as number });
      context.onTestFinished(memory.stop);
      await clickhouse.kill();
      const downMs: number[] = [];
      const upMs: number[] = [];
      for (let n = 0; n < FAILURES; n++) {
        await sleep((SECONDS * 1_000) / (FAILURES + 1));
        breakTarget(true);
        downMs.push(await msUntil(verdicts("down", VERDICT_WITHIN_MS)));
        breakTarget(false);
        upMs.push(await msUntil(verdicts("up", VERDICT_WITHIN_MS)));
      }
      await sleep((SECONDS * 1_000) / (FAILURES + 1));
      await clickhouse.restart();
      const replayMs = await msUntil(spoolEmptied(REPLAY_WITHIN_MS));
      memory.stop();
      said(
        context,
        `all ${RATE} verdicts were down after ${downMs.join(", ")} ms, up again after ${upMs.join(", ")} ms`,
      );
      said(context, `the spool was empty ${replayMs} ms after the return\n  ${memory.curves()}`);
    });
    expect(counts.down).toBeGreaterThan(0);
    expect(counts.stored).toBe(counts.scheduled);
  });

  test("PostgreSQL is away: checks are made and stored as before", async (context) => {
    const options = { ownStores: true, monitors: RATE };
    const counts = await runWell(context, options, async (deployment) => {
      const { postgres, storedBetween, coordinators, agents } = deployment;
      const memory = watchMemory({ coordinator: coordinators[0]?.pid as number, agent: agents[0]?.pid as number });
      context.onTestFinished(memory.stop);
      await postgres.kill();
      const from = Date.now();
      await sleep(SECONDS * 1_000);
      // What was due a moment ago may be on its way to the store.
      const to = Date.now() - 4_000;
      const due = (RATE * (to - from)) / 1_000;
      const stored = await storedBetween(from, to);
      await postgres.restart();
      said(context, `stored before the return: ${stored} of ${Math.round(due)}\n  ${memory.curves()}`);
      expect(stored).toBeGreaterThanOrEqual(due - RATE);
    });
    expect(missedIn(counts)).toBe(0);
    expect(counts.stored).toBe(counts.scheduled);
  });
});
