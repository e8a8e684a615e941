import type { Monitor } from "../../shared/monitor.ts";

/** A stored monitor for tests of what is pure. */
export function aMonitor(changes: Partial<Monitor> = {}): Monitor {
  return {
    id: "mon_a",
    revision: 1,
    createdAt: 0,
    updatedAt: 0,
    name: "A",
    type: "tcp",
    tcp: { host: "127.0.0.1", port: 9, ipVersion: "any" },
    intervalMs: 60_000,
    timeoutMs: 10_000,
    regions: "all",
    quorum: "majority",
    enabled: true,
    stagger: true,
    assertions: [],
    tags: [],
    dependsOn: [],
    slo: null,
    ...changes,
  } as Monitor;
}
