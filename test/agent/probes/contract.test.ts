import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Observation } from "../../../agent/net/attempt.ts";
import type { Check } from "../../../shared/check.ts";
import type { MonitorType } from "../../../shared/monitor.ts";
import { httpCheck, tcpCheck } from "../../support/checks.ts";
import { testDnsServer } from "../../support/dns-server.ts";
import { httpTarget, refusingPort, type Target, unacceptingTarget } from "../../support/targets.ts";
import { testProbes } from "./support.ts";

/** How each type is pointed at an endpoint. A type that is missing here does not compile. */
const checkOf: { readonly [T in MonitorType]: (host: string, port: number, timeoutMs: number) => Check } = {
  http: (host, port, timeoutMs) => httpCheck(`http://${host}:${port}/`, { timeoutMs }),
  tcp: (host, port, timeoutMs) => tcpCheck(host, port, { timeoutMs }),
};

const types = Object.keys(checkOf) as MonitorType[];

describe.each(types)("every probe: %s", (type) => {
  let dns: Awaited<ReturnType<typeof testDnsServer>>;
  let target: Target;
  let unaccepting: Target;

  beforeAll(async () => {
    dns = await testDnsServer({
      "up.example": ["127.0.0.1"],
      "mute.example": "silence",
      "broken.example": "SERVFAIL",
      "metadata.example": ["169.254.169.254"],
      "private.example": ["10.1.2.3", "fc00::1"],
    });
    target = await httpTarget((_request, response) => response.end("ok"));
    unaccepting = await unacceptingTarget();
  });
  afterAll(() => Promise.all([dns.stop(), target.stop(), unaccepting.stop()]));

  function run(host: string, port: number, options: { timeoutMs?: number; allowPrivate?: boolean } = {}) {
    const probe = testProbes({ dnsServer: dns.address, allowPrivate: options.allowPrivate ?? true })[type];
    return probe(checkOf[type](host, port, options.timeoutMs ?? 5_000) as never);
  }

  function expectPhasesToSum({ phases, latencyMs }: Observation) {
    const sum = Object.values(phases).reduce((total, ms) => total + ms, 0);
    expect(Math.abs(sum - latencyMs)).toBeLessThanOrEqual(0.01);
  }

  test("finds a target that is there, with phases that sum to the latency", async () => {
    const seen = await run("up.example", target.port);
    expect(seen).toMatchObject({ failure: null, address: "127.0.0.1" });
    expect(Object.keys(seen.phases)).toEqual(expect.arrayContaining(["dnsMs", "connectMs"]));
    expectPhasesToSum(seen);
  });

  test("has no DNS phase for an address", async () => {
    expect((await run("127.0.0.1", target.port)).phases).not.toHaveProperty("dnsMs");
  });

  test("makes a new connection for every check", async () => {
    const before = target.connections;
    for (let round = 0; round < 3; round++) await run("127.0.0.1", target.port);
    expect(target.connections - before).toBe(3);
  });

  test.each([
    ["a port that refuses", async () => ["127.0.0.1", await refusingPort()] as const, "connect_refused", ["connectMs"]],
    ["a name that is not there", async () => ["gone.example", 80] as const, "dns_not_found", ["dnsMs"]],
    ["a name server that fails", async () => ["broken.example", 80] as const, "dns_failed", ["dnsMs"]],
  ] as const)("names the failure of %s", async (_what, endpoint, code, phases) => {
    const [host, port] = await endpoint();
    const seen = await run(host, port);
    expect(seen.failure?.code).toBe(code);
    expect(Object.keys(seen.phases)).toEqual(phases);
    expectPhasesToSum(seen);
  });

  test.each([
    ["a name server that is mute", () => ["mute.example", 80] as const, "dns_timeout", "dnsMs"],
    [
      "a port that lets connections hang",
      () => ["127.0.0.1", unaccepting.port] as const,
      "connect_timeout",
      "connectMs",
    ],
  ] as const)("keeps the deadline with %s", async (_what, endpoint, code, phase) => {
    const [host, port] = endpoint();
    const seen = await run(host, port, { timeoutMs: 300 });
    expect(seen.failure?.code).toBe(code);
    expect(seen.phases[phase]).toBeGreaterThanOrEqual(295);
    expect(seen.latencyMs).toBeLessThan(2_000);
    expectPhasesToSum(seen);
  });

  test.each([
    ["loopback", "127.0.0.1", false],
    ["loopback in IPv6's clothes", type === "http" ? "[::ffff:127.0.0.1]" : "::ffff:127.0.0.1", false],
    ["a name of private addresses", "private.example", false],
    ["a name of the metadata service, whatever is allowed", "metadata.example", true],
    ["a link-local address, whatever is allowed", type === "http" ? "[fe80::1]" : "fe80::1", true],
  ])("does not connect to %s", async (_what, host, allowPrivate) => {
    const before = target.connections;
    const seen = await run(host, target.port, { allowPrivate });
    expect(seen.failure?.code).toBe("address_forbidden");
    expect(seen.phases).not.toHaveProperty("connectMs");
    expect(target.connections).toBe(before);
  });

  test("does not wait for one target while it checks another", async () => {
    let slowIsDone = false;
    const slow = run("mute.example", 80, { timeoutMs: 1_500 }).finally(() => {
      slowIsDone = true;
    });
    const many = await Promise.all(Array.from({ length: 20 }, () => run("up.example", target.port)));
    expect(many.every(({ failure }) => failure === null)).toBe(true);
    expect(slowIsDone).toBe(false);
    expect((await slow).failure?.code).toBe("dns_timeout");
  });
});
