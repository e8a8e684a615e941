import { type Command, Option } from "commander";
import type { IncidentRow } from "../../http/api-types.ts";
import { ABSENT, formatSpan } from "../../quantities.ts";
import { parseLimit, parseRegion, parseTimeOrAge } from "../arguments.ts";
import type { CliContext, JsonOption } from "../context.ts";
import { print } from "../context.ts";
import { findMonitor } from "../monitors/find.ts";
import { type Column, renderTable, statusColor } from "../table.ts";

const DEFAULT_LIMIT = 20;

interface Options extends JsonOption {
  readonly state?: string;
  readonly monitor?: string;
  readonly region?: string;
  readonly level?: string;
  readonly from?: string;
  readonly to?: string;
  readonly limit: number;
}

/** What a list of incidents may be narrowed by. */
export function addFilters(command: Command, { terminal }: CliContext): Command {
  const time = (text: string) => parseTimeOrAge(text, terminal.now());
  return command
    .addOption(new Option("--state <state>", "only those that are").choices(["open", "resolved"]))
    .option("--monitor <monitor>", "only this monitor's, by its id or its name")
    .option("--region <region>", "only those in which this region saw trouble", parseRegion)
    .addOption(new Option("--level <level>", "only those of this level").choices(["down", "degraded"]))
    .option(
      "--from <time>",
      "those that lasted from this time on: ISO 8601 with its offset, a day of UTC, or how long ago (30m, 24h, 7d)",
      time,
    )
    .option("--to <time>", "or before this time, written the same way", time)
    .option("--limit <n>", "at most so many", parseLimit, DEFAULT_LIMIT);
}

export async function listIncidents(context: CliContext, options: Options): Promise<void> {
  const { state, monitor, region, level, from, to, limit } = options;
  const client = context.client();
  const monitorId = monitor === undefined ? undefined : (await findMonitor(client, monitor)).id;
  const query = { state, monitor: monitorId, region, level, from, to };
  const rows = await client.list<IncidentRow>("/v1/incidents", query, limit);
  print(context, options, rows, () =>
    rows.length === 0 ? "No incidents.\n" : renderTable(columns, rows, context.terminal.color),
  );
}

/** What an incident is of. */
export function subjectOf({ monitorName, monitorId, region }: IncidentRow): string {
  return monitorName ?? monitorId ?? `region ${region}`;
}

const columns: ReadonlyArray<Column<IncidentRow>> = [
  { title: "STARTED", value: ({ startedAt }) => startedAt },
  { title: "MONITOR", value: subjectOf },
  { title: "LEVEL", value: ({ level }) => level, color: ({ level }) => statusColor(level) },
  { title: "KIND", value: ({ kind }) => kind },
  { title: "STATE", value: stateOf, color: ({ state }) => (state === "open" ? "red" : "gray") },
  { title: "LASTED", align: "right", value: ({ durationMs }) => formatSpan(durationMs) },
  { title: "REGIONS", value: ({ regions }) => regions.join(", ") || ABSENT },
  { title: "ID", value: ({ id }) => id },
];

function stateOf({ state, resolution, acknowledgedAt }: IncidentRow): string {
  if (state === "resolved") return resolution === "recovered" ? "resolved" : `resolved: ${resolution}`;
  return acknowledgedAt === null ? "open" : "acknowledged";
}
