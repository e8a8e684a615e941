import type { MonitorRow } from "../../http/api-types.ts";
import { formatAge, formatLatency, median } from "../../quantities.ts";
import type { CliContext, JsonOption } from "../context.ts";
import { print } from "../context.ts";
import { type Column, renderTable, statusColor } from "../table.ts";

export async function listMonitors(context: CliContext, options: JsonOption): Promise<void> {
  const { terminal } = context;
  const monitors = await context.client().list<MonitorRow>("/v1/monitors");
  print(context, options, monitors, () => {
    if (monitors.length === 0) return "No monitors yet: add one with `watchpost monitors add --url URL`.\n";
    return renderTable(columns(terminal.now()), monitors, terminal.color);
  });
}

function columns(now: number): ReadonlyArray<Column<MonitorRow>> {
  return [
    { title: "NAME", value: ({ name }) => name },
    { title: "TYPE", value: ({ type }) => type },
    { title: "VERDICT", value: ({ status }) => status.verdict, color: ({ status }) => statusColor(status.verdict) },
    { title: "REGIONS UP", align: "right", value: regionsUp },
    { title: "LATENCY", align: "right", value: (monitor) => formatLatency(medianLatency(monitor)) },
    { title: "LAST CHECK", value: (monitor) => formatAge(lastCheck(monitor), now) },
  ];
}

const regionsOf = ({ status }: MonitorRow) => Object.values(status.regions);

/** Up of all that have reported, such as `2/3`. */
function regionsUp(monitor: MonitorRow): string {
  const regions = regionsOf(monitor);
  return `${regions.filter(({ status }) => status === "up").length}/${regions.length}`;
}

/** Over the latest latencies of the regions whose agents could check. */
function medianLatency(monitor: MonitorRow): number | null {
  return median(regionsOf(monitor).flatMap(({ status, latencyMs }) => (status === "error" ? [] : (latencyMs ?? []))));
}

function lastCheck(monitor: MonitorRow): string | null {
  // ISO times in UTC sort as text.
  return (
    regionsOf(monitor)
      .map(({ lastCheckAt }) => lastCheckAt)
      .sort()
      .at(-1) ?? null
  );
}
