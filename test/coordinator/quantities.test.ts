import { describe, expect, it } from "vitest";
import { formatAge, formatAgo, formatDelay, formatLatency, formatShare, median } from "../../coordinator/quantities.ts";

describe("formatLatency", () => {
  it.each([
    [0, "0.00 ms"],
    [0.994, "0.99 ms"],
    [0.996, "1.0 ms"],
    [8.44, "8.4 ms"],
    [9.96, "10 ms"],
    [84.1, "84 ms"],
    [999.6, "1.00 s"],
    [1_240, "1.24 s"],
    [9_996, "10.0 s"],
    [120_000, "120.0 s"],
  ])("of %d ms is %s", (ms, text) => {
    expect(formatLatency(ms)).toBe(text);
  });

  it("is a dash where there is none", () => {
    expect([formatLatency(null), formatLatency(undefined)]).toEqual(["–", "–"]);
  });
});

describe("formatAgo", () => {
  it.each([
    [-3_000, "now"],
    [999, "now"],
    [1_000, "1 s ago"],
    [59_999, "59 s ago"],
    [60_000, "1 min ago"],
    [3_600_000, "1 h ago"],
    [86_399_999, "23 h ago"],
    [86_400_000, "1 d ago"],
  ])("of %d ms is %s", (ms, text) => {
    expect(formatAgo(ms)).toBe(text);
  });
});

it("formats the age of an ISO time", () => {
  expect(formatAge("2026-01-31T12:00:00.000Z", Date.UTC(2026, 0, 31, 12, 0, 5))).toBe("5 s ago");
  expect(formatAge(null, 0)).toBe("–");
});

it("calls only all of it 100 %", () => {
  expect([1, 0.99999, 0.5, 0, null].map(formatShare)).toEqual(["100 %", "99.99 %", "50.00 %", "0.00 %", "–"]);
});

it("takes the middle of the latencies", () => {
  expect([median([]), median([3]), median([9, 1]), median([5, 100, 1])]).toEqual([null, 3, 5, 5]);
});

describe("formatDelay", () => {
  it.each([
    [null, "–"],
    [0, "0.0 s"],
    [640, "0.6 s"],
    [59_949, "59.9 s"],
    [59_950, "59 s"],
    [250_000, "4 min 10 s"],
  ])("%s ms is %s", (ms, text) => {
    expect(formatDelay(ms)).toBe(text);
  });
});
