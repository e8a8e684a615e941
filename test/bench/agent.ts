import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { Benchmark, Figures } from "./benchmark.ts";
import { type LoneAgent, startLoneAgent, startQueueServer } from "./lone-agent.ts";
import { startProbeLoop } from "./probe.ts";
import { readCpuTimes } from "./process-cpu.ts";
import { quantile } from "./statistics.ts";
import { startTarget } from "./target.ts";

/** The agent's windows and the probe's take turns. */
const ROUNDS = 3;
const SECONDS = 4;
const WARM_UP_MS = 2_000;
const ROUNDS_OF_PROCESSES = 2;

/** What it costs to fetch a check, wait for its time and bring its result away, on top of making it. */
export const agent: Benchmark = {
  about: "CPU per HTTP check of a whole agent that is kept busy, beside its probe alone; two processes beside one",
  async run({ scope, dir, note, profileDir, ...setting }) {
    const ms = (setting.seconds ?? SECONDS) * 1_000;
    const rounds = Math.max(1, Math.round(ROUNDS * setting.scale));
    const target = await startTarget(scope, dir);
    const measureProbe = await startProbeLoop(scope, target, "http", "watchpost", { dir });
    const server = await startQueueServer(scope, dir);
    const whole = await startLoneAgent(scope, server, { dir, profileDir });

    const measureAgent = (forMs: number) => measureBusy(whole, target.url, forMs);

    /** The most that an agent of one process can do, and that one of two can. */
    async function measureProcesses(): Promise<readonly [Figures, Figures]> {
      const authority = `${dir}/authority.pem`;
      await writeFile(authority, target.authority);
      const seenOf = [1, 2].map((processes) => ({ processes, http: [] as Busy[], https: [] as Busy[] }));
      for (let round = 1; round <= Math.min(rounds, ROUNDS_OF_PROCESSES); round++) {
        for (const { processes, http, https } of seenOf) {
          note(`${processes} ${processes === 1 ? "process" : "processes"}, round ${round}`);
          const agentOf = await startLoneAgent(scope, server, {
            dir,
            env: { WATCHPOST_AGENT_PROCESSES: String(processes), NODE_EXTRA_CA_CERTS: authority },
          });
          http.push(await measureBusy(agentOf, target.url, ms));
          https.push(await measureBusy(agentOf, target.secureUrl, ms));
          await agentOf.stop();
        }
      }
      const [one, two] = seenOf.map(({ http, https }) => ({
        httpChecksPerSecond: median(http.map(({ checksPerSecond }) => checksPerSecond)),
        httpCpuUsPerCheck: median(http.map(({ usPerCheck }) => usPerCheck)),
        httpsChecksPerSecond: median(https.map(({ checksPerSecond }) => checksPerSecond)),
        httpsCpuUsPerCheck: median(https.map(({ usPerCheck }) => usPerCheck)),
      }));
      return [one as Figures, two as Figures];
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
    await whole.stop();
    const oneAndTwo = await measureProcesses();
    return {
      figures: { cpuUsPerCheck: median(seen.agent), checksPerSecond: median(seen.rates), ...oneAndTwo[1] },
      baselines: { probe: { cpuUsPerCheck: median(seen.probe) }, oneProcess: oneAndTwo[0] },
    };
  },
};

interface Busy {
  /** µs of CPU time. */
  readonly usPerCheck: number;
  readonly checksPerSecond: number;
}

/** What an agent spends and does while it is given more than it can do. */
async function measureBusy(agentOf: LoneAgent, url: string, ms: number): Promise<Busy> {
  const stop = agentOf.flood(new URL(url));
  await sleep(Math.min(ms, WARM_UP_MS) / 2);
  const before = { made: agentOf.made, cpuMs: readCpuTimes().ofTree(agentOf.pid), at: performance.now() };
  await sleep(ms);
  const made = agentOf.made - before.made;
  const cpuMs = readCpuTimes().ofTree(agentOf.pid) - before.cpuMs;
  const checksPerSecond = (made / (performance.now() - before.at)) * 1_000;
  await stop();
  await sleep(Math.min(ms, WARM_UP_MS) / 2);
  return { usPerCheck: (cpuMs * 1_000) / made, checksPerSecond };
}

const median = (values: readonly number[]): number =>
  quantile(
    [...values].sort((a, b) => a - b),
    0.5,
  );
