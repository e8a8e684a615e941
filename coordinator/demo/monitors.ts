import type { MonitorDocument } from "../../shared/monitor.ts";
import { type DemoPorts, SLOW_MS } from "./target.ts";

/** The monitors of the demo target, checked from every region. */
export function demoMonitors(ports: DemoPorts): MonitorDocument[] {
  const page = (path: string) => ({ url: `http://127.0.0.1:${ports.http}${path}` });
  return [
    { name: "Demo: healthy", type: "http", interval: "5s", http: page("/healthy") },
    {
      name: "Demo: slow",
      type: "http",
      interval: "10s",
      http: page("/slow"),
      assertions: [{ source: "latencyMs", op: "lt", value: SLOW_MS / 2, level: "degraded" }],
    },
    { name: "Demo: flaky", type: "http", interval: "5s", http: page("/flaky") },
    { name: "Demo: down", type: "http", interval: "10s", http: page("/down") },
    { name: "Demo: TCP port", type: "tcp", interval: "5s", tcp: { host: "127.0.0.1", port: ports.tcp } },
  ];
}
