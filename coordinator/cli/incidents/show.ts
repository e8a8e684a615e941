import type { Command } from "commander";
import type { EvidenceRow, IncidentDeliveryRow, IncidentDetail } from "../../http/api-types.ts";
import type { CourseEntry } from "../../incidents/course.ts";
import { courseOf } from "../../incidents/course.ts";
import { ABSENT, formatLatency, formatSpan } from "../../quantities.ts";
import { apiCommand, type CliContext, type JsonOption, print } from "../context.ts";
import { type Column, oneLine, paint, renderTable, statusColor } from "../table.ts";
import { subjectOf } from "./list.ts";

export function addShow(parent: Command, context: CliContext): void {
  apiCommand(parent, "show", "Show an incident: what each region saw, its course, and what was sent about it", [
    "watchpost incidents show inc_4k2j9x0v7c1b5n8m3q6w",
    "watchpost incidents show inc_4k2j9x0v7c1b5n8m3q6w --json",
  ])
    .argument("<incident>", "its id")
    .action(async (id: string, options: JsonOption) => {
      const incident = await context.client().get<IncidentDetail>(`/v1/incidents/${encodeURIComponent(id)}`);
      print(context, options, incident, () => page(incident, context.terminal.color));
    });
}

/** An incident as people read it at a terminal. */
function page(incident: IncidentDetail, color: boolean): string {
  const { level, kind, state, durationMs, startedAt, detectedAt, confirmedAt, recoveredAt, resolvedAt } = incident;
  const { acknowledgedAt, acknowledgedBy, reopened, failedAgainAt, wellMs, evidence, deliveries } = incident;
  const lasted = state === "open" ? "for" : "was so for";
  const moments: ReadonlyArray<readonly [string, string | null]> = [
    ["started", startedAt],
    ["detected", detectedAt],
    ["confirmed", confirmedAt],
    ["recovered", recoveredAt],
    ["resolved", resolvedAt && `${resolvedAt} (${incident.resolution})`],
    ["acknowledged", acknowledgedAt && `${acknowledgedAt}${acknowledgedBy ? ` by ${oneLine(acknowledgedBy)}` : ""}`],
    [
      "came back",
      failedAgainAt && `${times(reopened)}, last ${failedAgainAt}; well for ${formatSpan(wellMs)} in between`,
    ],
  ];
  const sections = [
    `${oneLine(subjectOf(incident))}: ${paint(level, statusColor(level), color)}, ${kind}, ${lasted} ${formatSpan(durationMs)}\n`,
    moments.flatMap(([name, value]) => (value === null ? [] : `  ${name.padEnd(13)}${value}\n`)).join(""),
    evidence.length === 0 ? "" : `\n${renderTable(evidenceColumns, evidence, color)}`,
    `\n${renderTable(courseColumns, courseOf(incident), color)}`,
    deliveries.length === 0 ? "\nNobody was told of it.\n" : `\n${renderTable(deliveryColumns, deliveries, color)}`,
    `\n# ${incident.id}${incident.monitorId ? ` of ${incident.monitorId}` : ""}\n`,
  ];
  return sections.join("");
}

const evidenceColumns: ReadonlyArray<Column<EvidenceRow>> = [
  { title: "REGION", value: ({ region }) => region },
  { title: "SAW", value: ({ status }) => status, color: ({ status }) => statusColor(status) },
  { title: "SINCE", value: ({ since, backSince }) => (backSince === null ? since : `${since} to ${backSince}`) },
  { title: "LATENCY", align: "right", value: ({ latencyMs }) => formatLatency(latencyMs) },
  { title: "PHASE", value: ({ phase }) => phase?.replace(/Ms$/, "") ?? ABSENT },
  { title: "CODE", align: "right", value: ({ statusCode }) => statusCode?.toString() ?? ABSENT },
  { title: "ADDRESS", value: ({ address }) => address ?? ABSENT },
  { title: "ERROR", value: ({ error }) => (error === null ? "" : `${error.code}: ${error.message}`) },
];

const courseColumns: ReadonlyArray<Column<CourseEntry>> = [
  { title: "AT", value: ({ at }) => at },
  { title: "WHAT HAPPENED", value: ({ title }) => title },
  { title: "", value: ({ text }) => text },
];

const deliveryColumns: ReadonlyArray<Column<IncidentDeliveryRow>> = [
  { title: "CHANNEL", value: ({ channelName }) => channelName },
  { title: "TYPE", value: ({ channelType }) => channelType },
  { title: "TOLD OF", value: ({ event, repeat }) => (repeat > 0 ? `${event}, reminder ${repeat}` : event) },
  {
    title: "STATE",
    value: ({ outcome, mergedInto }) => (mergedInto === null ? outcome : `${outcome} with others`),
    color: ({ outcome }) => (outcome === "failed" ? "red" : outcome === "uncertain" ? "yellow" : null),
  },
  { title: "TRIES", align: "right", value: ({ attempts }) => String(attempts) },
  { title: "WHEN", value: ({ endedAt, dueAt }) => endedAt ?? `due ${dueAt}` },
  { title: "ERROR", value: ({ outcome, lastError }) => (outcome === "sent" ? "" : (lastError ?? "")) },
];

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}
