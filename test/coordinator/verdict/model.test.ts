import { expect, test } from "vitest";
import type { Findings } from "./model/reference.ts";
import { createReference } from "./model/reference.ts";
import { simulate } from "./model/simulate.ts";
import { createWorld } from "./model/world.ts";

/**
 * Random histories of a monitor against a reference that knows what truly happened.
 * `VERDICT_HISTORIES=100000 npx vitest run test/coordinator/verdict/model.test.ts` is
 * the long run; `VERDICT_SEED=n` begins with seed n, so that with VERDICT_HISTORIES=1
 * a seed that failed is run alone.
 */
const histories = Number(process.env.VERDICT_HISTORIES ?? 1_500);
const firstSeed = Number(process.env.VERDICT_SEED ?? 1);

/** Faults that this test found, each by a seed that showed it. */
const found = [
  [42, "what came in one instant was looked at one by one"],
  [252, "results that a queue had kept were judged before the last of them was taken"],
  [4208, "flapping was told of again by votes that came back"],
  [4769, "one failing vote beside an unconfirmed slow one settled down"],
  [1_003_258, "a vote that was stale when it came counted as of a moment ago"],
  [1_019_608, "a spooled result began a doubt when the same step was taken again"],
  [2_006_936, "a region's time for its first word was over and nobody looked"],
  [7_038_525, "what was received in time and judged late counted as late"],
  [7_038_786, "a vote ran out in the very ms in which the next one came"],
  [7_091_288, "a region that spoke again was no news"],
  [2_017_477, "agents that failed by turns hid that there was nothing to judge by"],
  [1_883, "a question was of an instant at which another monitor's had been asked and answered"],
] as const;

function run(seed: number) {
  const world = createWorld(seed);
  const reference = createReference(world);
  return { ...simulate(world, reference), ...reference.conclude() };
}

const complaints = (findings: Findings) => ({
  false: findings.false,
  missed: findings.missed,
  stuck: findings.stuck,
  others: findings.others,
});
const none = { false: [], missed: [], stuck: [], others: [] };

test.each(found)("seed %i, in which once %s, is judged well", (seed) => {
  expect(complaints(run(seed))).toEqual(none);
});

test(`nothing false and nothing missed in ${histories} random histories`, { timeout: 3_600_000 }, () => {
  const sums = { histories, steps: 0, confirms: 0, outages: 0, incidents: 0, false: 0, missed: 0, stuck: 0, others: 0 };
  const bad: Array<{ seed: number } & ReturnType<typeof complaints>> = [];
  for (let seed = firstSeed; seed < firstSeed + histories; seed++) {
    const findings = run(seed);
    for (const key of ["steps", "confirms", "outages", "incidents"] as const) sums[key] += findings[key];
    for (const key of ["false", "missed", "stuck", "others"] as const) sums[key] += findings[key].length;
    if (Object.values(complaints(findings)).some((list) => list.length > 0)) {
      bad.push({ seed, ...complaints(findings) });
    }
  }
  process.stdout.write(`${JSON.stringify(sums)}\n`);
  expect(bad.slice(0, 10)).toEqual([]);
  // Histories in which nothing happens prove nothing.
  expect(sums.outages).toBeGreaterThan(histories / 5);
  expect(sums.incidents).toBeGreaterThan(histories / 5);
});
