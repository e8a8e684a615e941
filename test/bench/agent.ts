import { setTimeout as sleep } from "node:timers/promises";
import type { Benchmark } from "./benchmark.ts";
import { startLoneAgent, startQueueServer } from "./lone-agent.ts";
import { startProbeLoop } from "./probe.ts";
import { readCpuTimes } from "./process-cpu.ts";
import { quantile } from "./statistics.ts";
import { startTarget } from "./target.ts";

/** The agent's windows and the probe's take turns. */
const ROUNDS = 3;
const SECONDS = 4;
const WARM_UP_MS = 2_000;

/** What it costs to fetch a check, wait for its time and bring its result away, on top of making it. */
export const agent: Benchmark = {
  about: "CPU per HTTP check of a whole agent that is kept busy, beside its probe alone",
  async run({ scope, dir, note, profileDir, ...setting }) {
    const ms = (setting.seconds ?? SECONDS) * 1_000;
    const rounds = Math.max(1, Math.round(ROUNDS * setting.scale));
    const target = await startTarget(scope, dir);
    const measureProbe = await startProbeLoop(scope, target, "http", "watchpost", { dir });
    const server = await startQueueServer(scope, dir);
    const whole = await startLoneAgent(scope, server, { dir, profileDir });

    async function measureAgent(forMs: number): Promise<{ usPerCheck: number; checksPerSecond: number }> {
      const stop = whole.flood(new URL(target.url));
      await sleep(Math.min(forMs, WARM_UP_MS) / 2);
      const before = { made: whole.made, cpuMs: readCpuTimes().ofTree(whole.pid), at: performance.now() };
      await sleep(forMs);
      const made = whole.made - before.made;
      const cpuMs = readCpuTimes().ofTree(whole.pid) - before.cpuMs;
      const checksPerSecond = (made / (performance.now() - before.at)) * 1_000;
      await stop();
      await sleep(Math.min(forMs, WARM_UP_MS) / 2);
      return { usPerCheck: (cpuMs * 1_000) / made, checksPerSecond };
    }

    note("warming up");
    await measureProbe(Math.min(ms, WARM_UP_MS));
    await measureAgent(Math.min(ms, WARM_UP_MS));
    const seen = { probe: [] as number[], agent: [] as number[], rates: [] as number[] };
    for (let round = 1; round <= rounds; round++) {
      note(`round ${round} of ${rounds}`);
      seen.probe.push(await measureProbe(ms));
      const { usPerCheck, checksPerSecond } = await measureAgent(ms);
      seen.agent.push(usPerCheck);
      seen.rates.push(checksPerSecond);
    }
    return {
      figures: { cpuUsPerCheck: median(seen.agent), checksPerSecond: median(seen.rates) },
      baselines: { probe: { cpuUsPerCheck: median(seen.probe) } },
    };
  },
};

const median = (values: readonly number[]): number =>
  quantile(
    [...values].sort((a, b) => a - b),
    0.5,
  );
