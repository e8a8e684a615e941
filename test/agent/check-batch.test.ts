import { UnrecoverableError } from "bullmq";
import { describe, expect, test } from "vitest";
import { readBatch } from "../../agent/check-batch.ts";
import { tcpCheck } from "../support/checks.ts";

const now = 1_800_000_000_000;
const good = { ...tcpCheck("localhost", 80), scheduledAt: now + 500, expiresAt: now + 10_000 };

describe("reading a batch", () => {
  test("takes what the coordinator sends, also types that it does not know yet", () => {
    const batch = { v: 1, checks: [good, { ...good, type: "later", later: { any: "thing" } }] };
    expect(readBatch(batch, now)).toBe(batch);
    expect(readBatch({ v: 1, checks: [] }, now).checks).toEqual([]);
  });

  test.each([
    [null, "it must be an object"],
    ["text", "it must be an object"],
    [[], "it must be an object"],
    [{ v: 2, checks: [] }, "v must be 1"],
    [{ v: 1 }, "checks must be a list"],
    [{ v: 1, checks: Array(1_001).fill(good) }, "checks must be a list of at most 1000"],
    [{ v: 1, checks: [null] }, "checks.0 must be an object"],
    [{ v: 1, checks: [good, { ...good, monitorId: "" }] }, "checks.1.monitorId must be an id"],
    [{ v: 1, checks: [{ ...good, round: -1 }] }, "checks.0.round must be a whole number"],
    [{ v: 1, checks: [{ ...good, attempt: 0.5 }] }, "checks.0.attempt must be a whole number"],
    [{ v: 1, checks: [{ ...good, scheduledAt: "now" }] }, "checks.0.scheduledAt must be ms since the epoch"],
    [{ v: 1, checks: [{ ...good, scheduledAt: now + 600_000 }] }, "checks.0.scheduledAt must be less than"],
    [{ v: 1, checks: [{ ...good, expiresAt: null }] }, "checks.0.expiresAt must be ms since the epoch"],
    [{ v: 1, checks: [{ ...good, timeoutMs: 0 }] }, "checks.0.timeoutMs must be up to 120000"],
    [{ v: 1, checks: [{ ...good, timeoutMs: "5" + "s" }] }, "checks.0.timeoutMs must be up to 120000"],
    [{ v: 1, checks: [{ ...good, assertions: {} }] }, "checks.0.assertions must be a list"],
    [{ v: 1, checks: [{ ...good, type: 7 }] }, "checks.0.type must be text"],
    [{ v: 1, checks: [{ ...good, tcp: undefined }] }, "checks.0.tcp must be an object"],
  ])("refuses %o for good, naming field and rule", (data, rule) => {
    expect(() => readBatch(data, now)).toThrow(UnrecoverableError);
    expect(() => readBatch(data, now)).toThrow(`not a batch of checks: ${rule}`);
  });
});
