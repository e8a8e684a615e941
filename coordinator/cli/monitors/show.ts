import type { Command } from "commander";
import { stringify } from "yaml";
import type { AccountRow, MonitorRow, RegionStatus, StatsRow, UptimeRow } from "../../http/api-types.ts";
import { ABSENT, formatAge, formatDelay, formatLatency, formatShare, formatSpan } from "../../quantities.ts";
import { apiCommand, type CliContext, type JsonOption, print } from "../context.ts";
import { oneLine, paint, renderTable, statusColor } from "../table.ts";
import { findMonitor } from "./find.ts";

export function addShow(parent: Command, context: CliContext): void {
  const { terminal } = context;
  apiCommand(
    parent,
    "show",
    "Show a monitor: its verdict, uptime and coverage, what each region saw last, and its document",
    ['watchpost monitors show "Checkout API"', "watchpost monitors show mon_4k2j9x0v7c1b5n8m3q6w --json"],
  )
    .argument("<monitor>", "its id or its name")
    .action(async (idOrName: string, options: JsonOption) => {
      const client = context.client();
      const monitor = await findMonitor(client, idOrName);
      const [stats, uptime] = await Promise.all([
        client.get<StatsRow>(`/v1/monitors/${monitor.id}/stats`),
        client.get<UptimeRow>(`/v1/monitors/${monitor.id}/uptime`),
      ]);
      print(context, options, { ...monitor, stats, uptime }, () => {
        const { id, revision, createdAt, updatedAt, status, ...document } = monitor;
        const { verdict, since, regions } = status;
        const now = terminal.now();
        return [
          `${oneLine(monitor.name)} is ${paint(verdict, statusColor(verdict), terminal.color)}`,
          ` since ${since} (${formatAge(since, now)})\n`,
          `Last 24 hours: ${describeAccount(stats.total)}\n\n`,
          uptimeTable(uptime, terminal.color),
          "\n",
          Object.keys(regions).length === 0
            ? "No region has reported yet.\n"
            : regionTable(regions, stats, now, terminal.color),
          `\n# ${id}, revision ${revision}, created ${createdAt}, changed ${updatedAt}\n`,
          stringify(document, { sortMapEntries: inDocumentOrder }),
        ].join("");
      });
    });
}

function describeAccount({ coverage, scheduled, missed }: AccountRow): string {
  const reasons = Object.entries(missed).flatMap(([reason, count]) => (count > 0 ? [`${count} ${reason}`] : []));
  const misses = reasons.length === 0 ? "" : `; missed: ${reasons.join(", ")}`;
  return `coverage ${formatShare(coverage)} of ${scheduled} checks${misses}`;
}

/** Uptime is over what was observed, so it never stands without the coverage. */
function uptimeTable({ windows, slo }: UptimeRow, color: boolean): string {
  const span = (ms: number | null) => (ms === null ? ABSENT : formatSpan(ms));
  const budget =
    slo === null ? [] : ([{ title: `BUDGET LEFT OF ${slo} %`, align: "right", value: budgetLeft }] as const);
  return renderTable<UptimeRow["windows"][number]>(
    [
      { title: "LAST", value: ({ window }) => window },
      { title: "UPTIME", align: "right", value: ({ uptime }) => formatShare(uptime) },
      { title: "COVERAGE", align: "right", value: ({ coverage }) => formatShare(coverage) },
      { title: "DOWN FOR", align: "right", value: ({ durations }) => formatSpan(durations.downMs) },
      { title: "OUTAGES", align: "right", value: ({ incidents }) => String(incidents.down) },
      { title: "TO DETECT", align: "right", value: ({ incidents }) => formatDelay(incidents.mttdMs) },
      { title: "TO RECOVER", align: "right", value: ({ incidents }) => span(incidents.mttrMs) },
      ...budget,
    ],
    windows,
    color,
  );
}

/** Overspent, it is below zero. */
function budgetLeft({ errorBudget }: UptimeRow["windows"][number]): string {
  if (errorBudget === null) return ABSENT;
  const { leftMs } = errorBudget;
  return `${leftMs < 0 ? "-" : ""}${formatSpan(Math.abs(leftMs))}`;
}

/** The fields in the order in which people write them; what has no place here stands in the order of the alphabet. */
const fieldOrder =
  "name type enabled interval timeout regions quorum stagger slo tags dependsOn http tcp url method host port".split(
    " ",
  );

function inDocumentOrder({ key: a }: { key: unknown }, { key: b }: { key: unknown }): number {
  return placeOf(a) - placeOf(b) || String(a).localeCompare(String(b));
}

function placeOf(key: unknown): number {
  const place = fieldOrder.indexOf(String(key));
  return place === -1 ? fieldOrder.length : place;
}

function regionTable(regions: MonitorRow["status"]["regions"], stats: StatsRow, now: number, color: boolean): string {
  const accounts = new Map(stats.regions.map((account) => [account.region, account]));
  return renderTable<[string, RegionStatus]>(
    [
      { title: "REGION", value: ([region]) => region },
      { title: "STATUS", value: ([, { status }]) => status, color: ([, { status }]) => statusColor(status) },
      { title: "LATENCY", align: "right", value: ([, { latencyMs }]) => formatLatency(latencyMs) },
      { title: "CODE", align: "right", value: ([, { statusCode }]) => statusCode?.toString() ?? ABSENT },
      { title: "LAST CHECK", value: ([, { lastCheckAt }]) => formatAge(lastCheckAt, now) },
      { title: "UPTIME", align: "right", value: ([region]) => formatShare(accounts.get(region)?.uptime) },
      { title: "COVERAGE", align: "right", value: ([region]) => formatShare(accounts.get(region)?.coverage) },
      { title: "ERROR", value: ([, { error }]) => (error === null ? "" : `${error.code}: ${error.message}`) },
    ],
    Object.entries(regions),
    color,
  );
}
