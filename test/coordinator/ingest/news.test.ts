import { expect, test } from "vitest";
import { createNewsSense } from "../../../coordinator/ingest/news.ts";
import type { ResultStatus } from "../../../shared/result.ts";

const HOLD_MS = 1_000;
/** Fresh for 25 s. */
const monitor = { intervalMs: 10_000, timeoutMs: 5_000, updatedAt: 0 };

function watch() {
  const here = { now: 0, monitor: monitor as typeof monitor | undefined };
  const isNews = createNewsSense({ monitorOf: () => here.monitor, now: () => here.now, holdMs: HOLD_MS });
  const tell = (scheduledAt: number, status: ResultStatus = "up", attempt = 0, region = "eu-west") => {
    here.now = scheduledAt + 100;
    return isNews({ monitorId: "mon_1", region, status, attempt, scheduledAt });
  };
  return Object.assign(here, { tell });
}

test("only `up` in turn after `up` of the same region is no news", () => {
  const { tell } = watch();
  expect(tell(10_000)).toBe(true);
  expect(tell(20_000)).toBe(false);
  expect(tell(20_000, "up", 0, "us-east")).toBe(true);
  for (const status of ["down", "degraded", "error"] as const) {
    expect(tell(30_000, status)).toBe(true);
    expect(tell(40_000, status)).toBe(true);
    expect(tell(50_000)).toBe(true);
    expect(tell(60_000)).toBe(false);
  }
  expect(tell(61_000, "up", 1_000)).toBe(true);
});

test("an `up` is news when the vote before it may go stale while it waits", () => {
  const { tell } = watch();
  tell(10_000);
  expect(tell(33_899)).toBe(false);
  expect(tell(33_899 + 23_900)).toBe(true);
});

test("an `up` is news when the vote before it was about what the monitor was before its latest change", () => {
  const here = watch();
  here.tell(10_000);
  here.monitor = { ...monitor, updatedAt: 15_000 };
  expect(here.tell(20_000)).toBe(true);
  expect(here.tell(30_000)).toBe(false);
  here.monitor = undefined;
  expect(here.tell(40_000)).toBe(true);
});

test("what arrives late does not count as the vote before", () => {
  const { tell } = watch();
  tell(40_000);
  tell(10_000);
  expect(tell(60_000)).toBe(false);
});

test("however many monitors there are, memory is bounded", () => {
  const isNews = createNewsSense({ monitorOf: () => monitor, now: () => 0, holdMs: HOLD_MS });
  const tell = (n: number, scheduledAt: number) =>
    isNews({ monitorId: `mon_${n}`, region: "eu-west", status: "up", attempt: 0, scheduledAt });
  for (let n = 0; n < 200_000; n++) tell(n, 0);
  expect(tell(1, 1)).toBe(false);
  tell(200_000, 0);
  expect(tell(1, 2)).toBe(true);
});
