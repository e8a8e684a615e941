import { expect, test } from "vitest";
import { ConfigError } from "../../shared/errors.ts";
import { failureReport } from "../../shared/program.ts";

test("a failure that was foreseen is told in one line, and with its stack to those who want it", () => {
  const failure = new Error("PostgreSQL did not answer within 60 s:\n  connect ECONNREFUSED");
  expect(failureReport(failure, false)).toBe("PostgreSQL did not answer within 60 s: connect ECONNREFUSED");
  expect(failureReport(failure, true)).toContain("program.test.ts");
});

test("a mistake of ours is told with its stack", () => {
  const mistake = new TypeError("monitor.regions is not iterable");
  expect(failureReport(mistake, false)).toMatch(
    /^TypeError: monitor\.regions is not iterable\n {4}at .*program\.test\.ts/,
  );
});

test("a wrong setting is told in one line, always", () => {
  expect(failureReport(new ConfigError("PORT must be a whole number"), true)).toBe("PORT must be a whole number");
});
