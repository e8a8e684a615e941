import type { Command } from "commander";
import { troubleWords } from "../../agents/trouble.ts";
import { agentStateWords, clockInWords, inFlightInWords, latenessInWords, spoolInWords } from "../../agents/words.ts";
import type { AgentRow } from "../../http/api-types.ts";
import { ABSENT, formatAgo } from "../../quantities.ts";
import { apiCommand, type CliContext, type JsonOption, print } from "../context.ts";
import { type Color, type Column, renderTable } from "../table.ts";

export function addList(parent: Command, context: CliContext): void {
  apiCommand(parent, "list", "List the agents", ["watchpost agents list --json"]).action((options: JsonOption) =>
    listAgents(context, options),
  );
}

export async function listAgents(context: CliContext, options: JsonOption): Promise<void> {
  const rows = await context.client().list<AgentRow>("/v1/agents");
  print(context, options, rows, () => {
    if (rows.length === 0)
      return "No agents yet: make one with `watchpost agents enroll`, or start `watchpost agent`.\n";
    return renderTable(columns, rows, context.terminal.color);
  });
}

const columns: ReadonlyArray<Column<AgentRow>> = [
  { title: "AGENT", value: ({ id }) => id },
  { title: "REGION", value: ({ region }) => region },
  { title: "STATE", value: ({ state }) => agentStateWords[state], color: ({ state }) => stateColor[state] },
  { title: "NAME", value: ({ enrollment }) => enrollment?.name ?? ABSENT },
  { title: "HOST", value: ({ host }) => host },
  { title: "VERSION", value: ({ version }) => version },
  { title: "LAST SEEN", value: ({ seenAgoMs }) => (seenAgoMs === null ? ABSENT : formatAgo(seenAgoMs)) },
  { title: "IN FLIGHT", align: "right", value: ({ load }) => inFlightInWords(load) },
  { title: "LATE P50 / P99", align: "right", value: ({ load }) => latenessInWords(load) },
  { title: "CLOCK", align: "right", value: ({ load }) => clockInWords(load) },
  { title: "SPOOL", align: "right", value: ({ load }) => spoolInWords(load) },
  {
    title: "TROUBLE",
    value: ({ troubles }) => troubles.map(({ kind }) => troubleWords[kind].is).join(", ") || ABSENT,
    color: ({ troubles }) => (troubles.length > 0 ? "red" : null),
  },
];

const stateColor: Readonly<Record<AgentRow["state"], Color>> = {
  online: "green",
  starting: "yellow",
  clock_refused: "red",
  draining: "yellow",
  drained: "yellow",
  leaving: "gray",
  offline: "red",
  revoked: "gray",
};
