import { expect, test } from "vitest";
import { quantile, spreadOf } from "./statistics.ts";

test("a quantile is the smallest value that enough of the values do not exceed", () => {
  const hundred = Array.from({ length: 100 }, (_, n) => n + 1);
  expect(quantile(hundred, 0.5)).toBe(50);
  expect(quantile(hundred, 0.99)).toBe(99);
  expect(quantile(hundred, 0.991)).toBe(100);
  expect(quantile(hundred, 1)).toBe(100);
  expect(quantile([7], 0.01)).toBe(7);
  expect(quantile([], 0.5)).toBeNaN();
});

test("a spread takes values in any order, by their size and not as text", () => {
  expect(spreadOf([10, 9, -1, 2])).toEqual({ p50: 2, p99: 10, max: 10 });
  expect(spreadOf([])).toEqual({ p50: Number.NaN, p99: Number.NaN, max: Number.NaN });
});
