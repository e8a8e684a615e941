import type { Command } from "commander";
import { InvalidArgumentError } from "commander";
import { quorumRule, readQuorum } from "../../../shared/monitor.ts";
import type { OutlineRow, ReplayRow } from "../../http/api-types.ts";
import { ABSENT } from "../../quantities.ts";
import { parseTimeOrAge } from "../arguments.ts";
import { apiCommand, type CliContext, type JsonOption, print } from "../context.ts";
import { findMonitor } from "../monitors/find.ts";
import { oneLine, renderTable, statusColor } from "../table.ts";

interface Options extends JsonOption {
  readonly from: string;
  readonly to?: string;
  readonly quorum?: string;
}

/** A line of the table: an incident as it was, or as the replay has it. */
interface Line extends OutlineRow {
  readonly what: "same" | "was" | "would be" | "was, would not be" | "would be new";
}

export function addReplay(parent: Command, context: CliContext): void {
  const { terminal } = context;
  const time = (text: string) => parseTimeOrAge(text, terminal.now());
  apiCommand(
    parent,
    "replay",
    "Judge a monitor's stored results again, maybe by another quorum, and show which incidents would differ",
    [
      'watchpost verdict replay "Checkout API" --from 7d --quorum all',
      'watchpost verdict replay "Checkout API" --from 2026-11-20T08:00:00Z --to 2026-11-21T08:00:00Z --json',
    ],
  )
    .argument("<monitor>", "its id or its name")
    .requiredOption(
      "--from <time>",
      "from this time on: ISO 8601 with its offset, a day of UTC, or how long ago (30m, 24h, 7d)",
      time,
    )
    .option("--to <time>", "before this time, written the same way; now when not given", time)
    .option("--quorum <quorum>", "any, majority, all or a number; the monitor's own when not given", parseQuorum)
    .action(async (name: string, options: Options) => {
      const { from, to, quorum } = options;
      const client = context.client();
      const monitor = await findMonitor(client, name);
      const replay = await client.get<ReplayRow>(`/v1/monitors/${monitor.id}/replay`, { from, to, quorum });
      print(context, options, replay, () => describe(monitor.name, replay, terminal.color));
    });
}

function describe(name: string, replay: ReplayRow, color: boolean): string {
  const by = replay.quorum === null ? "its own policy" : `quorum ${replay.quorum}`;
  const head = `${oneLine(name)}, ${replay.from} to ${replay.to}: ${replay.results} results judged by ${by}\n`;
  const differing = replay.changed.length + replay.onlyLive.length + replay.onlyReplayed.length;
  const counts =
    differing === 0
      ? `No difference: ${replay.same.length} incidents, the same as there were.\n`
      : `${replay.onlyReplayed.length} incidents more, ${replay.onlyLive.length} fewer, ${replay.changed.length} otherwise, ${replay.same.length} the same\n`;
  const doubt = replay.faithful
    ? ""
    : "What was recorded is not exactly what these results give by the policy of the time: read the difference with care.\n";
  const lines = linesOf(replay);
  return head + counts + doubt + (lines.length === 0 ? "" : `\n${table(lines, color)}`);
}

function linesOf({ same, changed, onlyLive, onlyReplayed }: ReplayRow): Line[] {
  const groups: Line[][] = [
    ...same.map((one): Line[] => [{ ...one, what: "same" }]),
    ...changed.map(({ live, replayed }): Line[] => [
      { ...live, what: "was" },
      { ...replayed, what: "would be" },
    ]),
    ...onlyLive.map((one): Line[] => [{ ...one, what: "was, would not be" }]),
    ...onlyReplayed.map((one): Line[] => [{ ...one, what: "would be new" }]),
  ];
  const startOf = (lines: Line[]) => lines[0]?.startedAt ?? "";
  return groups.sort((a, b) => (startOf(a) < startOf(b) ? -1 : 1)).flat();
}

function table(lines: readonly Line[], color: boolean): string {
  return renderTable<Line>(
    [
      { title: "INCIDENT", value: ({ what }) => what },
      { title: "LEVEL", value: ({ level }) => level, color: ({ level }) => statusColor(level) },
      { title: "KIND", value: ({ kind }) => kind },
      { title: "STARTED", value: ({ startedAt }) => startedAt },
      { title: "RECOVERED", value: ({ recoveredAt }) => recoveredAt ?? ABSENT },
      { title: "REGIONS", value: ({ regions }) => regions.join(", ") },
    ],
    lines,
    color,
  );
}

function parseQuorum(text: string): string {
  if (readQuorum(text) === null) throw new InvalidArgumentError(`It ${quorumRule}.`);
  return text;
}
