import { expect, test } from "vitest";
import { createLateness } from "../../agent/lateness.ts";

function minute() {
  let time = 12_345;
  return {
    lateness: createLateness(() => time),
    pass: (ms: number) => {
      time += ms;
    },
  };
}

test("half and 99 of 100 checks were no later, to a tenth", () => {
  const { lateness } = minute();
  expect(lateness.summary()).toBeNull();
  for (let ms = 1; ms <= 1_000; ms++) lateness.add(ms);
  const { p50Ms, p99Ms, checks } = lateness.summary() ?? { p50Ms: 0, p99Ms: 0, checks: 0 };
  expect(checks).toBe(1_000);
  expect(p50Ms).toBeGreaterThanOrEqual(500);
  expect(p50Ms).toBeLessThanOrEqual(550);
  expect(p99Ms).toBeGreaterThanOrEqual(990);
  expect(p99Ms).toBeLessThanOrEqual(1_089);
});

test("takes checks that began early, on time, or a day late", () => {
  const { lateness } = minute();
  for (const ms of [-3, 0, Number.NaN, 1e12]) lateness.add(ms);
  expect(lateness.summary()).toMatchObject({ p50Ms: 0.1, checks: 4 });
  expect(lateness.summary()?.p99Ms).toBeGreaterThan(86_400_000);
});

test("forgets a check after a minute, and everything after a long sleep", () => {
  const { lateness, pass } = minute();
  lateness.add(5_000);
  pass(49_000);
  lateness.add(1);
  expect(lateness.summary()).toMatchObject({ checks: 2 });
  pass(11_000);
  expect(lateness.summary()).toMatchObject({ checks: 1 });
  pass(3_600_000);
  expect(lateness.summary()).toBeNull();
});
