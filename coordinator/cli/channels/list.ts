import type { Command } from "commander";
import type { ChannelRow } from "../../http/api-types.ts";
import { apiCommand, type CliContext, type JsonOption, print } from "../context.ts";
import { renderTable } from "../table.ts";

export function addList(parent: Command, context: CliContext): void {
  apiCommand(parent, "list", "List the channels", ["watchpost channels list --json"]).action((options: JsonOption) =>
    listChannels(context, options),
  );
}

export async function listChannels(context: CliContext, options: JsonOption): Promise<void> {
  const channels = await context.client().list<ChannelRow>("/v1/channels");
  print(context, options, channels, () => {
    if (channels.length === 0) return "No channels yet: add one with `watchpost channels add -f FILE`.\n";
    return renderTable(
      [
        { title: "NAME", value: ({ name }) => name },
        { title: "ID", value: ({ id }) => id },
        { title: "TYPE", value: ({ type }) => type },
        {
          title: "ENABLED",
          value: ({ enabled }) => (enabled ? "yes" : "no"),
          color: ({ enabled }) => (enabled ? "green" : "gray"),
        },
      ],
      channels,
      context.terminal.color,
    );
  });
}
