import type { Command } from "commander";
import type { ResultRow } from "../http/api-types.ts";
import { ABSENT, formatLatency } from "../quantities.ts";
import { parseLimit, parseRegion, parseTimeOrAge } from "./arguments.ts";
import { apiCommand, type CliContext, type JsonOption, print } from "./context.ts";
import { findMonitor } from "./monitors/find.ts";
import { renderTable, statusColor } from "./table.ts";

const DEFAULT_LIMIT = 20;

interface Options extends JsonOption {
  readonly region?: string;
  readonly from?: string;
  readonly to?: string;
  readonly limit: number;
}

export function addResults(parent: Command, context: CliContext): void {
  const { terminal } = context;
  const time = (text: string) => parseTimeOrAge(text, terminal.now());
  apiCommand(parent, "results", "List what a monitor's checks found, newest first", [
    'watchpost results "Checkout API"',
    "watchpost results mon_4k2j9x0v7c1b5n8m3q6w --region eu-west --limit 100",
    'watchpost results "Checkout API" --from 1h',
    'watchpost results "Checkout API" --from 2026-11-20T08:00:00Z --to 2026-11-20T09:00:00Z --json',
  ])
    .argument("<monitor>", "its id or its name")
    .option("--region <region>", "only results from this region", parseRegion)
    .option(
      "--from <time>",
      "from this time on: ISO 8601 with its offset, a day of UTC, or how long ago (30m, 24h, 7d)",
      time,
    )
    .option("--to <time>", "before this time, written the same way", time)
    .option("--limit <n>", "at most so many results", parseLimit, DEFAULT_LIMIT)
    .action(async (name: string, options: Options) => {
      const { region, from, to, limit } = options;
      const client = context.client();
      const monitor = await findMonitor(client, name);
      const rows = await client.list<ResultRow>(`/v1/monitors/${monitor.id}/results`, { region, from, to }, limit);
      print(context, options, rows, () => {
        if (rows.length === 0) return "No results.\n";
        return renderTable(
          [
            { title: "SCHEDULED", value: (row) => row.scheduledAt },
            { title: "REGION", value: (row) => row.region },
            { title: "STATUS", value: (row) => row.status, color: (row) => statusColor(row.status) },
            { title: "LATENCY", align: "right", value: (row) => formatLatency(row.latencyMs) },
            { title: "DNS", align: "right", value: (row) => formatLatency(row.phases.dnsMs) },
            { title: "CONNECT", align: "right", value: (row) => formatLatency(row.phases.connectMs) },
            { title: "TLS", align: "right", value: (row) => formatLatency(row.phases.tlsMs) },
            { title: "FIRST BYTE", align: "right", value: (row) => formatLatency(row.phases.firstByteMs) },
            { title: "TRANSFER", align: "right", value: (row) => formatLatency(row.phases.transferMs) },
            { title: "CODE", align: "right", value: (row) => row.statusCode?.toString() ?? ABSENT },
            { title: "ERROR", value: describeError },
          ],
          rows,
          terminal.color,
        );
      });
    });
}

function describeError({ error, failedAssertions }: ResultRow): string {
  if (failedAssertions.length > 0) return failedAssertions.join("; ");
  return error === null ? "" : `${error.code}: ${error.message}`;
}
