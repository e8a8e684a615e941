import { expect, test } from "vitest";
import { createNewsSense } from "../../agent/news.ts";
import type { ResultStatus } from "../../shared/result.ts";

const told = (status: ResultStatus, attempt = 0, monitorId = "mon_1") => ({ monitorId, attempt, status });

test("only `up` in turn after `up` is no news", () => {
  const isNews = createNewsSense();
  expect(isNews(told("up"))).toBe(true);
  expect(isNews(told("up"))).toBe(false);
  expect(isNews(told("up", 0, "mon_2"))).toBe(true);
  for (const status of ["down", "degraded", "error"] as const) {
    expect(isNews(told(status))).toBe(true);
    expect(isNews(told(status))).toBe(true);
    expect(isNews(told("up"))).toBe(true);
    expect(isNews(told("up"))).toBe(false);
  }
});

test("what an extra check finds is always news", () => {
  const isNews = createNewsSense();
  isNews(told("up"));
  expect(isNews(told("up", 1_200))).toBe(true);
  expect(isNews(told("up"))).toBe(false);
});

test("however many monitors there are, memory is bounded", () => {
  const isNews = createNewsSense();
  for (let n = 0; n < 50_000; n++) isNews(told("up", 0, `mon_${n}`));
  expect(isNews(told("up", 0, "mon_1"))).toBe(false);
  isNews(told("up", 0, "mon_50000"));
  expect(isNews(told("up", 0, "mon_1"))).toBe(true);
  expect(isNews(told("up", 0, "mon_50000"))).toBe(false);
});
