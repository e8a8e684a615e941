import { setTimeout as sleep } from "node:timers/promises";
import { seedResultsSql, startSeedDesign } from "./baseline/scheduler-per-monitor.ts";
import type { Benchmark, Figures } from "./benchmark.ts";
import { findHighestRate } from "./highest-rate.ts";
import { lineResultsSql, startLine } from "./line.ts";
import { startStores } from "./stores.ts";
import { startTarget } from "./target.ts";
import { type WindowFigures, watchFor } from "./window.ts";

/** Checks per second that the steady window is taken at. */
const STEADY_RATE = 300;
const SECONDS = 10;
/** The rates that are tried, as multiples of the steady one. */
const STEPS = [3, 5, 8, 12];
/** How long a step is looked at, in s, and how long all of them may take, in ms. */
const STEP_SECONDS = 5;
const STEPS_WITHIN_MS = 36_000;
/** Left out of every window, in ms: programs that just started compile, many new monitors leave a backlog. */
const WARM_UP_MS = 3_000;
/** A rate is kept when this share of the checks is stored and all but 1 % of them began within this many ms. */
const KEPT = { coverage: 0.995, latenessP99Ms: 1_000 };
const SEED_CONCURRENCIES = [100, 10];

const isKept = ({ coverage, latenessP99Ms }: WindowFigures): boolean =>
  coverage >= KEPT.coverage && latenessP99Ms < KEPT.latenessP99Ms;

export const pipeline: Benchmark = {
  about: "checks/s end to end and CPU per stored check, beside a job scheduler per monitor with a write per check",
  async run({ scope, dir, profileDir, scale, note, ...setting }) {
    const seconds = setting.seconds ?? SECONDS;
    // The shortest run looks at the steady rate alone.
    const searchMs = Math.min(STEPS_WITHIN_MS, (seconds - 1) * 4_000);
    const stepSeconds = Math.min(seconds, STEP_SECONDS);
    const warmUpMs = Math.min(WARM_UP_MS, seconds * 1_000);
    const steady = Math.max(1, Math.round(STEADY_RATE * scale));
    const stores = await startStores(scope, dir);
    const target = await startTarget(scope, dir);
    const place = { stores, targetUrl: target.url, dir, profileDir };

    async function measureLine(): Promise<Figures> {
      const line = await startLine(scope, place);
      async function at(rate: number, forSeconds: number) {
        await line.watch(rate);
        await sleep(warmUpMs);
        const seen = await watchFor(forSeconds, {
          stores,
          targetPid: target.pid,
          programs: { coordinator: line.coordinatorPid, agent: line.agentPid },
          resultsSql: lineResultsSql,
          scheduledPerSecond: rate,
        });
        note(`${rate} checks/s: ${told(seen.figures)}`);
        return seen;
      }
      const { figures, programs } = await at(steady, seconds);
      const highest = await findHighestRate({
        rates: STEPS.map((step) => step * steady),
        isKept: async (rate) => {
          const step = await at(rate, stepSeconds);
          return isKept(step.figures) ? step.figures : null;
        },
        withinMs: searchMs,
      });
      await line.stop();
      return {
        ...figures,
        cpuUsPerCheckAgent: programs.agent as number,
        cpuUsPerCheckCoordinator: programs.coordinator as number,
        ...ratesOf(highest?.rate ?? (isKept(figures) ? steady : Number.NaN), highest?.seen ?? figures),
      };
    }

    /** What it stores when it is given more than it can do counts as its highest rate, whatever its lateness. */
    async function measureSeedDesign(concurrency: number): Promise<Figures> {
      const at = async (rate: number) => {
        const design = await startSeedDesign(scope, { ...place, monitors: rate, concurrency });
        await sleep(warmUpMs);
        const { figures } = await watchFor(Math.min(seconds, 8), {
          stores,
          targetPid: target.pid,
          programs: { worker: design.pid },
          resultsSql: seedResultsSql,
          scheduledPerSecond: rate,
        });
        await design.stop();
        note(`a scheduler per monitor, concurrency ${concurrency}, ${rate} checks/s: ${told(figures)}`);
        return figures;
      };
      const figures = await at(steady);
      const more = isKept(figures) && searchMs > 0 ? await at(steady * 4) : figures;
      const highest = more.checksPerSecond > figures.checksPerSecond ? more : figures;
      return { ...figures, ...ratesOf(highest.checksPerSecond, highest) };
    }

    const figures = await measureLine();
    const baselines: Record<string, Figures> = {};
    for (const concurrency of SEED_CONCURRENCIES) {
      baselines[`schedulerPerMonitor${concurrency}`] = await measureSeedDesign(concurrency);
    }
    return { figures, baselines };
  },
};

const ratesOf = (highestRateKept: number, { cpuUsPerCheck }: WindowFigures): Figures => ({
  highestRateKept,
  cpuUsPerCheckAtHighest: cpuUsPerCheck,
});

const told = ({ checksPerSecond, coverage, latenessP99Ms, cpuUsPerCheck, otherCores }: WindowFigures): string =>
  `${checksPerSecond.toFixed(0)} stored/s, coverage ${(coverage * 100).toFixed(1)} %, ` +
  `lateness p99 ${latenessP99Ms.toFixed(0)} ms, ${cpuUsPerCheck.toFixed(0)} µs/check, others ${otherCores.toFixed(2)} cores`;
