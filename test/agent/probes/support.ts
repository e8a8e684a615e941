import { createSecureContext } from "node:tls";
import { createAddressPolicy } from "../../../agent/net/address-policy.ts";
import { createResolve } from "../../../agent/net/resolve.ts";
import { createProbes } from "../../../agent/probes/index.ts";
import type { CheckOf, Probes } from "../../../agent/probes/probe.ts";

/** The real probes, with loopback allowed unless told otherwise. */
export function testProbes(
  options: { allowPrivate?: boolean; dnsServer?: string; authority?: string; maxBodyBytes?: number } = {},
): Probes {
  const { allowPrivate = true, dnsServer, authority, maxBodyBytes = 64 * 2 ** 20 } = options;
  return createProbes({
    resolve: createResolve(dnsServer === undefined ? {} : { servers: [dnsServer], hostsPath: "/nonexistent" }),
    refuses: createAddressPolicy({ allowPrivate }),
    secureContext: createSecureContext(authority === undefined ? {} : { ca: authority }),
    maxBodyBytes,
    monotonic: () => performance.now(),
    version: "1.2.3",
  });
}

const common = {
  monitorId: "mon_1",
  round: 1,
  attempt: 0,
  scheduledAt: 0,
  expiresAt: Number.MAX_SAFE_INTEGER,
  timeoutMs: 5_000,
  assertions: [],
};

export function httpCheck(
  url: string,
  {
    timeoutMs,
    assertions,
    ...http
  }: Partial<CheckOf<"http">["http"]> & Partial<Pick<CheckOf<"http">, "timeoutMs" | "assertions">> = {},
): CheckOf<"http"> {
  return {
    ...common,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(assertions === undefined ? {} : { assertions }),
    type: "http",
    http: {
      url,
      method: "GET",
      headers: {},
      body: null,
      maxRedirects: 5,
      maxBodyBytes: 1_048_576,
      ipVersion: "any",
      ignoreTls: false,
      ...http,
    },
  };
}

export function tcpCheck(
  host: string,
  port: number,
  options: { timeoutMs?: number; ipVersion?: "any" | "4" | "6" } = {},
): CheckOf<"tcp"> {
  const { timeoutMs = common.timeoutMs, ipVersion = "any" } = options;
  return { ...common, timeoutMs, type: "tcp", tcp: { host, port, ipVersion } };
}
