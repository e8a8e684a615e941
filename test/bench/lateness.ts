import { latenessOfTimers } from "./baseline/node-timers.ts";
import type { Benchmark, Figures } from "./benchmark.ts";
import { lineResultsSql, startLine } from "./line.ts";
import type { Spread } from "./statistics.ts";
import { startStores } from "./stores.ts";
import { startTarget } from "./target.ts";
import { watchFor } from "./window.ts";

/** Checks per second. */
const RATES = [100, 500, 1_000, 2_000];
const SECONDS = 10;
/** Timers alone say in less time what they have to say: their load is even. */
const ALONE_SECONDS = 4;

export const lateness: Benchmark = {
  about: "how late checks start through the whole path, beside Node's timers at the same rate",
  async run({ scope, dir, profileDir, scale, note, ...setting }) {
    const seconds = setting.seconds ?? SECONDS;
    const aloneSeconds = Math.min(seconds, ALONE_SECONDS);
    const rates = RATES.map((rate) => Math.max(1, Math.round(rate * scale)));

    let alone: Figures = {};
    for (const rate of rates) {
      note(`Node's timers alone, ${rate} a second`);
      alone = { ...alone, ...named(await latenessOfTimers(scope, { rate, seconds: aloneSeconds, dir }), rate) };
    }

    const stores = await startStores(scope, dir);
    const target = await startTarget(scope, dir);
    const line = await startLine(scope, { stores, targetUrl: target.url, dir, profileDir });
    let figures: Figures = {};
    // On a machine that others use, what runs at the same time is the fairer comparison.
    let beside: Figures = {};
    for (const rate of rates) {
      note(`the whole path, ${rate} checks/s`);
      await line.watch(rate);
      const window = watchFor(seconds, {
        stores,
        targetPid: target.pid,
        programs: { coordinator: line.coordinatorPid, agent: line.agentPid },
        resultsSql: lineResultsSql,
        scheduledPerSecond: rate,
      });
      const [{ figures: seen }, spreadBeside] = await Promise.all([
        window,
        latenessOfTimers(scope, { rate, seconds, dir }),
      ]);
      beside = { ...beside, ...named(spreadBeside, rate) };
      const spread = { p50: seen.latenessP50Ms, p99: seen.latenessP99Ms, max: seen.latenessMaxMs };
      figures = {
        ...figures,
        ...named(spread, rate),
        [`coverageAt${rate}`]: seen.coverage,
        [`otherCoresAt${rate}`]: seen.otherCores,
      };
    }
    return { figures, baselines: { nodeTimersAlone: alone, nodeTimersBeside: beside } };
  },
};

function named({ p50, p99, max }: Spread, rate: number): Figures {
  return { [`latenessP50MsAt${rate}`]: p50, [`latenessP99MsAt${rate}`]: p99, [`latenessMaxMsAt${rate}`]: max };
}
