import { describe, expect, test } from "vitest";
import type { Observation } from "../../agent/net/attempt.ts";
import type { Probes } from "../../agent/probes/probe.ts";
import { createRunCheck } from "../../agent/run-check.ts";
import type { Check } from "../../shared/check.ts";
import type { CheckErrorCode } from "../../shared/errors.ts";
import { resultBatch } from "../../shared/result.ts";
import { httpCheck } from "../support/checks.ts";

const fine: Observation = {
  address: "192.0.2.1",
  statusCode: 200,
  bodyBytes: 5,
  certificate: undefined,
  body: "hello",
  header: () => null,
  latencyMs: 12.5,
  phases: { connectMs: 2.5, firstByteMs: 10 },
  failure: null,
};

function run(seen: Observation | (() => never), check: Check = httpCheck("http://shop.example/")) {
  const probe = async () => (typeof seen === "function" ? seen() : seen);
  const clock = { now: () => 1_000_002.5, monotonic: () => 0 };
  return createRunCheck({ probes: { http: probe, tcp: probe } as Probes, clock })({ ...check, scheduledAt: 1_000_000 });
}

describe("a check's result", () => {
  test("is what the probe saw, with how late it was", async () => {
    const result = await run(fine);
    expect(result).toEqual({
      monitorId: "mon_1",
      round: 1,
      attempt: 0,
      scheduledAt: 1_000_000,
      startedAt: 1_000_002.5,
      latenessMs: 2.5,
      status: "up",
      latencyMs: 12.5,
      phases: { connectMs: 2.5, firstByteMs: 10 },
      statusCode: 200,
      address: "192.0.2.1",
      bodyBytes: 5,
      error: null,
      failedAssertions: [],
    });
    expect(resultBatch.safeParse({ v: 1, agentId: "a", results: [result], misses: [] }).error).toBeUndefined();
  });

  test("quotes nothing of a target that a database refuses", async () => {
    const failure = { code: "http_protocol", message: "bad line: a\0b\ud83dc \ud83d\ude00" } as const;
    expect((await run({ ...fine, failure })).error?.message).toBe("bad line: a\ufffdb\ufffdc \ud83d\ude00");
  });

  test.each([
    ["failed", { ...fine, failure: { code: "http_timeout", message: "no answer" } }],
    ["answered", fine],
  ] as const)(
    "is the agent's error when the check ended long after its deadline, though the target %s",
    async (_, seen) => {
      const times = [0, 10_501];
      const clock = { now: () => 1_000_000, monotonic: () => times.shift() ?? 0 };
      const probe = async () => seen;
      const check = { ...httpCheck("http://a/"), timeoutMs: 10_000 };
      const result = await createRunCheck({ probes: { http: probe, tcp: probe } as Probes, clock })(check);
      expect(result).toMatchObject({ status: "error", error: { code: "agent_resources" } });
    },
  );

  test("is down when the target failed, and its assertions are not judged", async () => {
    const failure = { code: "connect_refused", message: "the connection was refused" } as const;
    const check = httpCheck("http://a/", {
      assertions: [{ source: "status", op: "eq", value: 200, level: "degraded" }],
    });
    const result = await run({ ...fine, statusCode: null, failure }, check);
    expect(result).toMatchObject({ status: "down", error: failure, failedAssertions: [] });
  });

  test.each(["address_forbidden", "agent_resources", "agent_network", "agent_internal"] as const)(
    "is no vote when the agent failed: %s",
    async (code) => {
      expect(await run({ ...fine, failure: { code, message: "m" } })).toMatchObject({
        status: "error",
        error: { code },
      });
    },
  );

  test("names the first assertion that does not hold, and keeps all", async () => {
    const check = httpCheck("http://a/", {
      assertions: [
        { source: "latencyMs", op: "lt", value: 10, level: "degraded" },
        { source: "bodyBytes", op: "gt", value: 10, level: "degraded" },
      ],
    });
    expect(await run(fine, check)).toMatchObject({
      status: "degraded",
      error: { code: "assertion_failed", message: "latencyMs lt 10: was 12.5" },
      failedAssertions: ["latencyMs lt 10: was 12.5", "bodyBytes gt 10: was 5"],
    });
  });

  test("has a bad status as its error, and other assertions beside it", async () => {
    const check = httpCheck("http://a/", {
      assertions: [{ source: "latencyMs", op: "lt", value: 10, level: "degraded" }],
    });
    const failure = { code: "http_status", message: "the response's status is 503" } as const;
    expect(await run({ ...fine, statusCode: 503, failure }, check)).toMatchObject({
      status: "down",
      error: failure,
      failedAssertions: ["latencyMs lt 10: was 12.5"],
    });
  });

  test("is the agent's error when a probe throws, or when there is none for the type", async () => {
    const thrown = await run(() => {
      throw new TypeError("a bug");
    });
    expect(thrown).toMatchObject({ status: "error", error: { code: "agent_internal", message: "a bug" } });
    const unknown = await run(fine, { ...httpCheck("http://a/"), type: "constructor" } as never);
    expect(unknown.error?.message).toBe("this agent does not know checks of type constructor");
    expect(resultBatch.safeParse({ v: 1, agentId: "a", results: [thrown, unknown], misses: [] }).error).toBeUndefined();
  });
});

describe("while the agent's own network is in trouble", () => {
  const runWith = (seen: Observation, failing: readonly string[]) =>
    createRunCheck({
      probes: { http: async () => seen, tcp: async () => seen } as unknown as Probes,
      clock: { now: () => 1_000_000, monotonic: () => 0 },
      failingCanaries: async () => failing,
    })({ ...httpCheck("http://shop.example/"), scheduledAt: 1_000_000 });
  const failed = (code: CheckErrorCode): Observation => ({ ...fine, failure: { code, message: "no answer" } });

  test.each(["dns_timeout", "connect_timeout", "connect_unreachable", "http_timeout"] as const)(
    "%s says nothing about the target",
    async (code) => {
      expect(await runWith(failed(code), ["gateway"])).toMatchObject({
        status: "error",
        error: { code: "agent_network", message: "the agent's own network is in trouble (gateway): no answer" },
      });
      expect(await runWith(failed(code), [])).toMatchObject({ status: "down", error: { code } });
    },
  );

  test("what an answer of the target says stands", async () => {
    expect(await runWith(failed("http_status"), ["gateway"])).toMatchObject({ status: "down" });
    expect(await runWith(failed("tls_expired"), ["gateway"])).toMatchObject({ status: "down" });
    expect(await runWith(fine, ["gateway"])).toMatchObject({ status: "up" });
  });
});
