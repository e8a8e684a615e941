import type { Command } from "commander";
import type { ChannelRow } from "../../http/api-types.ts";
import { apiCommand, type CliContext, type JsonOption, print } from "../context.ts";
import { channelKind, findNamed } from "../find-named.ts";
import { oneLine } from "../table.ts";

export function addRm(parent: Command, context: CliContext): void {
  apiCommand(parent, "rm", "Remove a channel: nobody is told by it any more", ["watchpost channels rm Phone"])
    .argument("<channel>", "its id or its name")
    .action(async (idOrName: string, options: JsonOption) => {
      const client = context.client();
      const { id, name } = await findNamed<ChannelRow>(client, channelKind, idOrName);
      await client.delete(`/v1/channels/${id}`);
      print(context, options, { id, name, removed: true }, () => `Removed ${oneLine(name)} (${id}).\n`);
    });
}
