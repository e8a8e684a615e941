import type { Command } from "commander";
import { troubleWords } from "../agents/trouble.ts";
import type { LiveEvent } from "../http/api-types.ts";
import { describeEntry, timelineWords } from "../incidents/words.ts";
import { parseLimit } from "./arguments.ts";
import { noToken } from "./client.ts";
import { apiCommand, type CliContext, type JsonOption } from "./context.ts";
import { hearLive } from "./live.ts";
import { findMonitor } from "./monitors/find.ts";
import { readAccess } from "./settings.ts";
import { oneLine, paint, statusColor } from "./table.ts";

interface Options extends JsonOption {
  readonly monitor?: string;
  readonly count?: number;
}

export function addTail(parent: Command, context: CliContext): void {
  const { terminal } = context;
  apiCommand(parent, "tail", "Print verdicts and incidents as they happen, until Ctrl-C", [
    "watchpost tail",
    'watchpost tail --monitor "Checkout API"',
    "watchpost tail --json --count 1",
  ])
    .option("--monitor <monitor>", "only what happens to this monitor, by its id or its name")
    .option("--count <n>", "end after so many events", parseLimit)
    .action(async (options: Options) => {
      const { json, count = Number.POSITIVE_INFINITY } = options;
      const access = readAccess(terminal.env);
      const { token } = access;
      if (token === null) throw noToken(access);
      const only = options.monitor === undefined ? null : (await findMonitor(context.client(), options.monitor)).id;
      let told = 0;
      await hearLive(
        { ...access, token },
        (event) => {
          if (event.type === "welcome" || event.type === "heartbeat" || !isAbout(event, only)) return false;
          terminal.out(json ? `${JSON.stringify(event)}\n` : lineOf(event, terminal.now(), terminal.color));
          return ++told >= count;
        },
        (reason) => terminal.err(`watchpost: the coordinator is gone (${reason}); trying again\n`),
      );
    });
}

type Told = Exclude<LiveEvent, { type: "welcome" | "heartbeat" }>;

/** What may have been missed is about every monitor. */
function isAbout(event: Told, monitorId: string | null): boolean {
  if (monitorId === null || event.type === "gap") return true;
  if (event.type === "agent") return false;
  return (event.type === "incident" ? event.incident.monitorId : event.monitorId) === monitorId;
}

function lineOf(event: Told, now: number, color: boolean): string {
  const time = event.type === "gap" ? new Date(now).toISOString() : event.at;
  return `${time}  ${words(event, color).filter(Boolean).join("  ")}\n`;
}

function words(event: Told, color: boolean): string[] {
  if (event.type === "gap") return ["some events may be missing here"];
  if (event.type === "verdict") {
    const { verdict, suspected, flapping, monitorName, monitorId } = event;
    const doubt = [suspected ? "in doubt" : "", flapping ? "flapping" : ""].filter(Boolean).join(", ");
    return [paint(verdict.padEnd(8), statusColor(verdict), color), oneLine(monitorName ?? monitorId), doubt];
  }
  if (event.type === "agent") {
    const { kind, region, agentId, agentName, detail, acknowledgedBy } = event.trouble;
    const isOver = event.event === "recovered";
    const subject = agentId === null ? `region ${region}` : `${agentName ?? agentId} in ${region}`;
    const taken = `acknowledged${acknowledgedBy === null ? "" : ` by ${oneLine(acknowledgedBy)}`}`;
    const more = { trouble: oneLine(detail), acknowledged: taken, recovered: "" }[event.event];
    return ["agents  ", oneLine(subject), troubleWords[kind][isOver ? "over" : "is"], more];
  }
  const particulars = oneLine(describeEntry(event.event as never, event.data));
  if (event.type === "monitor") {
    const happened = event.event === "changed" || event.event === "removed" ? event.event : timelineWords[event.event];
    return ["monitor ", oneLine(event.monitorName ?? event.monitorId), happened, particulars];
  }
  const { monitorName, monitorId, region, id } = event.incident;
  const subject = oneLine(monitorName ?? monitorId ?? `region ${region}`);
  return ["incident", subject, timelineWords[event.event], particulars, id];
}
