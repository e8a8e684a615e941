import type { Command } from "commander";
import type { ChannelRow } from "../../http/api-types.ts";
import { apiCommand, type CliContext, type JsonOption, print } from "../context.ts";
import { readDocumentFile } from "../document-file.ts";
import { channelKind, findNamed } from "../find-named.ts";
import { oneLine } from "../table.ts";

const hint = `
\`watchpost channels show\` prints the form that is taken. A secret that stands there as "***" stays as it is, unless
where it is sent changes.`;

export function addSet(parent: Command, context: CliContext): void {
  apiCommand(parent, "set", "Change a channel to what a YAML or JSON file says; rules go on using it", [
    "watchpost channels show Phone > phone.yaml",
    "watchpost channels set Phone -f phone.yaml",
  ])
    .argument("<channel>", "its id or its name")
    .requiredOption("-f, --file <file>", "take the channel from this file; - is standard input")
    .addHelpText("after", hint)
    .action(async (idOrName: string, { file, ...options }: JsonOption & { readonly file: string }) => {
      const client = context.client();
      const document = await readDocumentFile(file, context.terminal);
      const { id } = await findNamed<ChannelRow>(client, channelKind, idOrName);
      const channel = await client.put<ChannelRow>(`/v1/channels/${id}`, document);
      print(
        context,
        options,
        channel,
        () => `Changed ${oneLine(channel.name)}. Try it out with \`watchpost channels test ${id}\`.\n`,
      );
    });
}
