import type { Command } from "commander";
import { troubleWords } from "../../agents/trouble.ts";
import type { AgentTroubleRow } from "../../http/api-types.ts";
import { ABSENT, formatAge } from "../../quantities.ts";
import { apiCommand, type CliContext, type JsonOption, print } from "../context.ts";
import { whoHelp, whoOf } from "../incidents/people.ts";
import { type Column, oneLine, renderTable } from "../table.ts";

interface AckOptions extends JsonOption {
  readonly by?: string;
  readonly note?: string;
}

/** `watchpost agents troubles`: what is wrong with agents now, and who takes care of it. */
export function addTroubles(parent: Command, context: CliContext): void {
  const troubles = apiCommand(parent, "troubles", "List what is wrong with agents now, or acknowledge one of it", [
    "watchpost agents troubles",
    'watchpost agents troubles ack trb_0123456789abcdefghij --note "on it"',
  ]).action(async (options: JsonOption) => {
    const rows = await context.client().list<AgentTroubleRow>("/v1/agent-troubles?state=open&limit=1000");
    print(context, options, rows, () =>
      rows.length === 0
        ? "Nothing is wrong with any agent.\n"
        : renderTable(columnsAt(context.terminal.now()), rows, context.terminal.color),
    );
  });
  apiCommand(troubles, "ack", "Acknowledge what is wrong: somebody takes care of it, and nobody is reminded any more", [
    'watchpost agents troubles ack trb_0123456789abcdefghij --note "on it"',
  ])
    .argument("<trouble>", "its id")
    .option("--note <text>", "what to say of it")
    .option("--by <name>", whoHelp)
    .action(async (id: string, options: AckOptions) => {
      const path = `/v1/agent-troubles/${encodeURIComponent(id)}/acknowledge`;
      const body = { by: whoOf(context, options), note: options.note };
      const trouble = await context.client().post<AgentTroubleRow>(path, body);
      print(context, options, trouble, () => {
        const who = trouble.acknowledgedBy === null ? "" : ` by ${oneLine(trouble.acknowledgedBy)}`;
        return `${oneLine(subjectOf(trouble))}, ${troubleWords[trouble.kind].is}: acknowledged${who}.\n`;
      });
    });
}

const subjectOf = ({ region, agentId, agentName }: AgentTroubleRow): string =>
  agentId === null ? `Region ${region}` : (agentName ?? agentId);

const columnsAt = (now: number): ReadonlyArray<Column<AgentTroubleRow>> => [
  { title: "ID", value: ({ id }) => id },
  { title: "REGION", value: ({ region }) => region },
  { title: "AGENT", value: ({ agentId, agentName }) => agentName ?? agentId ?? ABSENT },
  {
    title: "TROUBLE",
    value: ({ kind }) => troubleWords[kind].is,
    color: ({ severity }) => (severity === "critical" ? "red" : "yellow"),
  },
  { title: "SINCE", value: ({ since }) => formatAge(since, now) },
  {
    title: "ACKNOWLEDGED",
    value: ({ acknowledgedAt, acknowledgedBy }) => (acknowledgedAt === null ? ABSENT : (acknowledgedBy ?? "yes")),
  },
  { title: "DETAIL", value: ({ detail }) => detail },
];
