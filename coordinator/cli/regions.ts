import type { Command } from "commander";
import { apiCommand, type CliContext, type JsonOption, print } from "./context.ts";
import { formatAge } from "./format.ts";
import type { RegionRow } from "./rows.ts";
import { renderTable } from "./table.ts";

export function addRegions(parent: Command, context: CliContext): void {
  const { terminal } = context;
  apiCommand(parent, "regions", "List the regions and how many of their agents are online", [
    "watchpost regions",
    "watchpost regions --json",
  ]).action(async (options: JsonOption) => {
    const rows = await context.client().list<RegionRow>("/v1/regions");
    print(context, options, rows, () => {
      if (rows.length === 0) return "No regions yet: start an agent with `watchpost agent`.\n";
      return renderTable(
        [
          { title: "REGION", value: ({ region }) => region },
          {
            title: "AGENTS",
            value: ({ agents }) => `${agents.online}/${agents.total} online`,
            color: ({ agents }) => (agents.online === 0 ? "red" : agents.online < agents.total ? "yellow" : "green"),
          },
          { title: "LAST RESULT", value: ({ lastResultAt }) => formatAge(lastResultAt, terminal.now()) },
        ],
        rows,
        terminal.color,
      );
    });
  });
}
