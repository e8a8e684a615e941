import { expect, type TestContext } from "vitest";
import { type Counts, type Deployment, deploy, missedIn } from "./deployment.ts";

/** How many monitors a run has unless it says otherwise; each is checked once a second. */
export const MONITORS = 5;

type Options = Parameters<typeof deploy>[0] & {
  readonly monitors?: number;
  /** What their documents say beside the usual. */
  readonly document?: object;
};

/** Runs checks through a fault and tells how each of them ended; the counts are printed. */
export async function runThrough(
  { onTestFinished, task: { name } }: TestContext,
  { monitors = MONITORS, document, ...options }: Options,
  fault: (deployment: Deployment) => Promise<void>,
): Promise<Counts> {
  const deployment = await deploy(options);
  onTestFinished(() => deployment.stop());
  await deployment.watch(monitors, document);
  await deployment.flowing(1_000);
  const begin = Date.now();
  await fault(deployment);
  await deployment.flowing(2_000).catch((thrown) => {
    const logs = [...deployment.coordinators, ...deployment.agents].map((program) => program.output().slice(-3_000));
    throw new Error(`${thrown.message}\n${logs.join("\n----\n")}`);
  });
  const counts = await deployment.countSince(begin);
  console.log(`${name}\n  ${JSON.stringify(counts)}`);
  expect(counts.scheduled).toBe(counts.stored + missedIn(counts));
  expect(counts.duplicates).toBe(0);
  return counts;
}

/** As runThrough, where the target is well all the time: nothing may have been taken for its failure. */
export async function runWell(...args: Parameters<typeof runThrough>): Promise<Counts> {
  const counts = await runThrough(...args);
  expect(counts.down).toBe(0);
  return counts;
}
