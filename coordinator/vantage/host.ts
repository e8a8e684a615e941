import type { MonitorSpec } from "../../shared/monitor.ts";

/** The host that a monitor looks at, by which monitors are related. */
export function hostOf(monitor: MonitorSpec): string {
  switch (monitor.type) {
    case "http":
      return new URL(monitor.http.url).hostname;
    case "tcp":
      return monitor.tcp.host.toLowerCase();
  }
}
