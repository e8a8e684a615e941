import type { Command } from "commander";
import { stringify } from "yaml";
import type { ChannelRow } from "../../http/api-types.ts";
import { apiCommand, type CliContext, type JsonOption, print } from "../context.ts";
import { channelKind, findNamed } from "../find-named.ts";

export function addShow(parent: Command, context: CliContext): void {
  apiCommand(parent, "show", "Show a channel; its secrets are not told", ["watchpost channels show Phone"])
    .argument("<channel>", "its id or its name")
    .action(async (idOrName: string, options: JsonOption) => {
      const channel = await findNamed<ChannelRow>(context.client(), channelKind, idOrName);
      print(context, options, channel, () => {
        const { id, createdAt, updatedAt, ...document } = channel;
        return `# ${id}, created ${createdAt}, changed ${updatedAt}\n${stringify(document)}`;
      });
    });
}
