import type { Command } from "commander";
import type { AgentRow } from "../../http/api-types.ts";
import { ABSENT, formatAgo } from "../../quantities.ts";
import { apiCommand, type CliContext, type JsonOption, print } from "../context.ts";
import { type Column, renderTable } from "../table.ts";

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
  { title: "STATE", value: stateOf, color: ({ online }) => (online ? "green" : "red") },
  { title: "NAME", value: ({ enrollment }) => enrollment?.name ?? ABSENT },
  { title: "HOST", value: ({ host }) => host },
  { title: "VERSION", value: ({ version }) => version },
  { title: "LAST SEEN", value: ({ seenAgoMs }) => (seenAgoMs === null ? ABSENT : formatAgo(seenAgoMs)) },
  { title: "IN FLIGHT", align: "right", value: ({ load }) => load?.inFlight.toString() ?? ABSENT },
  { title: "CLOCK", align: "right", value: ({ load }) => clockOf(load?.clockOffsetMs ?? null) },
];

function stateOf({ online, draining, enrollment }: AgentRow): string {
  if (enrollment !== null && enrollment.revokedAt !== null) return "revoked";
  if (draining) return "draining";
  return online ? "online" : "offline";
}

/** How far the agent's clock is off the coordinator's, with its sign. */
function clockOf(offsetMs: number | null): string {
  return offsetMs === null ? ABSENT : `${offsetMs < 0 ? "-" : "+"}${Math.abs(offsetMs).toFixed(1)} ms`;
}
