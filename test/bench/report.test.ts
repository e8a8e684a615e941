import { expect, test } from "vitest";
import { reportOf, rounded, tableOf } from "./report.ts";

const machine = { cpu: "Abacus", cores: 2, memoryMb: 640, os: "Linux 6", node: "v20" };

test("figures of the same name are compared, others are not", () => {
  const report = reportOf("b", machine, {
    figures: { costUs: 1, own: 5, otherCores: 1, free: 3 },
    baselines: { plain: { costUs: 3, otherCores: 2, free: 0 } },
  });
  expect(report.ratios).toEqual({ plain: { costUs: 0.333 } });
});

test("the table has a line per figure, also for those that only a baseline has", () => {
  const report = reportOf("b", machine, { figures: { own: 5 }, baselines: { plain: { else: 1234.5 } } });
  expect(tableOf(report).split("\n")).toEqual([
    "b  (Abacus, 2 cores, 640 MB, Linux 6, Node v20)",
    "      watchpost  plain  ratio",
    "own           5              ",
    "else              1235       ",
  ]);
});

test("numbers are rounded to what was measured", () => {
  expect([1234.5, 99.94, 0.012345, 0].map(rounded)).toEqual([1235, 99.9, 0.0123, 0]);
});
