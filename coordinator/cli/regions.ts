import type { Command } from "commander";
import { troubleWords } from "../agents/trouble.ts";
import type { RegionRow } from "../http/api-types.ts";
import { ABSENT, formatAge } from "../quantities.ts";
import { apiCommand, type CliContext, type JsonOption, print } from "./context.ts";
import { oneLine, renderTable } from "./table.ts";

export function addRegions(parent: Command, context: CliContext): void {
  const { terminal } = context;
  const regions = apiCommand(parent, "regions", "List the regions and how many of their agents are online", [
    "watchpost regions",
    "watchpost regions --json",
    "watchpost regions rm eu-west",
  ]).action(async (options: JsonOption) => {
    const rows = await context.client().list<RegionRow>("/v1/regions");
    print(context, options, rows, () => {
      if (rows.length === 0) return "No regions yet: start an agent with `watchpost agent`.\n";
      return renderTable(
        [
          { title: "REGION", value: ({ region }) => region },
          {
            title: "AGENTS",
            value: ({ agents: { online, taking, total } }) =>
              `${online}/${total} online${taking < online ? `, ${taking} take checks` : ""}`,
            color: ({ agents }) => (agents.taking === 0 ? "red" : agents.taking < agents.total ? "yellow" : "green"),
          },
          { title: "LAST RESULT", value: ({ lastResultAt }) => formatAge(lastResultAt, terminal.now()) },
          {
            title: "VOTE",
            value: ({ impaired }) =>
              impaired ? `none: ${oneLine(impaired.reason)} (${formatAge(impaired.since, terminal.now())})` : "yes",
            color: ({ impaired }) => (impaired ? "red" : "green"),
          },
          {
            title: "TROUBLE",
            value: ({ troubles }) =>
              troubles
                .map(({ kind, agentId }) => [agentId, troubleWords[kind].is].filter(Boolean).join(" "))
                .join(", ") || ABSENT,
            color: ({ troubles }) => (troubles.length > 0 ? "red" : null),
          },
        ],
        rows,
        terminal.color,
      );
    });
  });
  addRm(regions, context);
}

function addRm(parent: Command, context: CliContext): void {
  apiCommand(parent, "rm", "Retire a region that has no agents any more; an agent that is seen again brings it back", [
    "watchpost regions rm eu-west",
  ])
    .argument("<region>", "its slug")
    .action(async (region: string, options: JsonOption) => {
      await context.client().delete(`/v1/regions/${encodeURIComponent(region)}`);
      print(context, options, { region, removed: true }, () => `Retired ${oneLine(region)}.\n`);
    });
}
