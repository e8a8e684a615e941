import type { MonitorSpec } from "../../shared/monitor.ts";
import type { NoticeMonitor } from "./notice.ts";

/** A monitor as people know it: its name and what it watches, without what may be secret in its address. */
export function describe(spec: MonitorSpec): Pick<NoticeMonitor, "name" | "type" | "target"> {
  return { name: spec.name, type: spec.type, target: targetOf(spec) };
}

function targetOf(spec: MonitorSpec): string {
  switch (spec.type) {
    case "http": {
      const { origin, pathname } = new URL(spec.http.url);
      return `${origin}${pathname}`;
    }
    case "tcp":
      return `${spec.tcp.host}:${spec.tcp.port}`;
  }
}
