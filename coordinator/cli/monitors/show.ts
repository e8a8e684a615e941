import type { Command } from "commander";
import { stringify } from "yaml";
import { apiCommand, type CliContext, type JsonOption, print } from "../context.ts";
import { ABSENT, formatAge, formatLatency } from "../format.ts";
import type { MonitorRow, RegionStatus } from "../rows.ts";
import { oneLine, paint, renderTable, statusColor } from "../table.ts";
import { findMonitor } from "./find.ts";

export function addShow(parent: Command, context: CliContext): void {
  const { terminal } = context;
  apiCommand(parent, "show", "Show a monitor: its verdict, what each region saw last, and its document", [
    'watchpost monitors show "Checkout API"',
    "watchpost monitors show mon_4k2j9x0v7c1b5n8m3q6w --json",
  ])
    .argument("<monitor>", "its id or its name")
    .action(async (idOrName: string, options: JsonOption) => {
      const monitor = await findMonitor(context.client(), idOrName);
      print(context, options, monitor, () => {
        const { id, revision, createdAt, updatedAt, status, ...document } = monitor;
        const { verdict, since, regions } = status;
        const now = terminal.now();
        return [
          `${oneLine(monitor.name)} is ${paint(verdict, statusColor(verdict), terminal.color)}`,
          ` since ${since} (${formatAge(since, now)})\n\n`,
          Object.keys(regions).length === 0
            ? "No region has reported yet.\n"
            : regionTable(regions, now, terminal.color),
          `\n# ${id}, revision ${revision}, created ${createdAt}, changed ${updatedAt}\n`,
          stringify(document, { sortMapEntries: inDocumentOrder }),
        ].join("");
      });
    });
}

/** The fields in the order in which people write them; what has no place here stands in the order of the alphabet. */
const fieldOrder = "name type enabled interval timeout regions quorum stagger http tcp url method host port".split(" ");

function inDocumentOrder({ key: a }: { key: unknown }, { key: b }: { key: unknown }): number {
  return placeOf(a) - placeOf(b) || String(a).localeCompare(String(b));
}

function placeOf(key: unknown): number {
  const place = fieldOrder.indexOf(String(key));
  return place === -1 ? fieldOrder.length : place;
}

function regionTable(regions: MonitorRow["status"]["regions"], now: number, color: boolean): string {
  return renderTable<[string, RegionStatus]>(
    [
      { title: "REGION", value: ([region]) => region },
      { title: "STATUS", value: ([, { status }]) => status, color: ([, { status }]) => statusColor(status) },
      { title: "LATENCY", align: "right", value: ([, { latencyMs }]) => formatLatency(latencyMs) },
      { title: "CODE", align: "right", value: ([, { statusCode }]) => statusCode?.toString() ?? ABSENT },
      { title: "LAST CHECK", value: ([, { lastCheckAt }]) => formatAge(lastCheckAt, now) },
      { title: "ERROR", value: ([, { error }]) => (error === null ? "" : `${error.code}: ${error.message}`) },
    ],
    Object.entries(regions),
    color,
  );
}
