import type { Check } from "../../shared/check.ts";

export type ProbeKind = "http" | "https" | "tcp";

let rounds = 0;

/** A check of the benchmarks' target, as a coordinator would send it. */
export function checkOf(kind: ProbeKind, url: URL, scheduledAt: number): Check {
  const common = {
    monitorId: "mon_bench",
    round: ++rounds,
    attempt: 0,
    scheduledAt,
    expiresAt: scheduledAt + 600_000,
    timeoutMs: 10_000,
  };
  if (kind === "tcp") {
    return {
      ...common,
      type: "tcp",
      tcp: { host: url.hostname, port: Number(url.port), ipVersion: "any" },
      assertions: [],
    };
  }
  return {
    ...common,
    type: "http",
    http: {
      url: url.href,
      method: "GET",
      headers: {},
      body: null,
      maxRedirects: 5,
      maxBodyBytes: 1_048_576,
      ipVersion: "any",
      ignoreTls: false,
    },
    assertions: [{ source: "status", op: "eq", value: 200, level: "down" }],
  };
}
