import type { Check } from "../../shared/check.ts";
import { httpCheck, tcpCheck } from "../support/checks.ts";

export type ProbeKind = "http" | "https" | "tcp";

let rounds = 0;

/** A check of the benchmarks' target, as a coordinator would send it. */
export function checkOf(kind: ProbeKind, url: URL, scheduledAt: number): Check {
  const check =
    kind === "tcp"
      ? tcpCheck(url.hostname, Number(url.port))
      : httpCheck(url.href, { assertions: [{ source: "status", op: "eq", value: 200, level: "down" }] });
  const expiresAt = scheduledAt + 600_000;
  return { ...check, monitorId: "mon_bench", round: ++rounds, scheduledAt, expiresAt, timeoutMs: 10_000 };
}
