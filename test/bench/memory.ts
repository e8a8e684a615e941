import { readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { leanNode } from "../../shared/lean-node.ts";
import type { Benchmark, Figures, Setting } from "./benchmark.ts";
import { type LoneAgentOptions, startLoneAgent, startQueueServer } from "./lone-agent.ts";
import { startProgram } from "./program.ts";
import { startTarget } from "./target.ts";

const SECONDS = 24;
const CHECKS_PER_SECOND = 500;
/** An agent is idle when it has been so for a while. */
const CALM_MS = 5_000;
const LOOK_EVERY_MS = 250;

/** The agent as `watchpost start` runs it. */
const lean = { program: new URL("../../agent", import.meta.url), ...leanNode };

export const memory: Benchmark = {
  about: "memory of the bundled agent, idle and at 500 checks/s, and its growth",
  async run(setting) {
    const { scope, dir, note } = setting;
    note("a process with the same imports");
    const imports = scope.add(
      startProgram(new URL("./baseline/imports-program", import.meta.url), { logFile: `${dir}/imports.log` }),
    );
    await imports.message();
    await sleep(1_000);
    const importsAlone = { rssMbIdle: rssMb(imports.pid) };
    await imports.stop();
    const figures = await measure(setting, "bundled", lean);
    const unbundled = await measure(setting, "as built", {});
    return { figures, baselines: { importsAlone, unbundled } };
  },
};

async function measure(
  { scope, note, scale, ...setting }: Setting,
  name: string,
  options: Partial<LoneAgentOptions>,
): Promise<Figures> {
  const dir = `${setting.dir}/${name.replace(" ", "-")}`;
  await mkdir(dir);
  const seconds = setting.seconds ?? SECONDS;
  const [target, server] = await Promise.all([startTarget(scope, dir), startQueueServer(scope, dir)]);
  const agent = await startLoneAgent(scope, server, { dir, ...options });
  note(`${name}: idle`);
  await sleep(Math.min(CALM_MS, seconds * 1_000));
  const rssMbIdle = rssMb(agent.pid);

  note(`${name}: ${CHECKS_PER_SECOND * scale} checks/s`);
  const samples: number[] = [];
  const looking = setInterval(() => samples.push(rssMb(agent.pid)), LOOK_EVERY_MS);
  const begun = performance.now();
  await agent.feed(new URL(target.url), Math.ceil(CHECKS_PER_SECOND * scale), seconds * 1_000);
  clearInterval(looking);
  const checksPerSecond = (agent.made / (performance.now() - begun)) * 1_000;
  await agent.stop();
  const half = samples.slice(Math.floor(samples.length / 2));
  const [third, last] = [half.slice(0, Math.ceil(half.length / 2)), half.slice(Math.floor(half.length / 2))];
  return {
    rssMbIdle,
    rssMbBusy: mean(half),
    rssMbMax: Math.max(...samples),
    // From the third to the last quarter of the run.
    growthMb: mean(last) - mean(third),
    checksPerSecond,
  };
}

function rssMb(pid: number): number {
  const [, kb] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1")) ?? [];
  return Number(kb) / 1_024;
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
