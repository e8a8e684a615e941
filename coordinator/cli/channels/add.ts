import type { Command } from "commander";
import type { ChannelRow } from "../../http/api-types.ts";
import { apiCommand, type CliContext, type JsonOption, print } from "../context.ts";
import { readDocumentFile } from "../document-file.ts";
import { oneLine } from "../table.ts";

const form = `
A channel, in YAML; \`watchpost channels types TYPE\` lists the settings of a type:

  name: Phone
  type: ntfy
  settings:
    topic: a-name-that-nobody-guesses`;

export function addAdd(parent: Command, context: CliContext): void {
  apiCommand(parent, "add", "Add a channel from a YAML or JSON file", ["watchpost channels add -f phone.yaml"])
    .requiredOption("-f, --file <file>", "take the channel from this file; - is standard input")
    .addHelpText("after", form)
    .action(async ({ file, ...options }: JsonOption & { readonly file: string }) => {
      const document = await readDocumentFile(file, context.terminal);
      const channel = await context.client().post<ChannelRow>("/v1/channels", document);
      print(
        context,
        options,
        channel,
        () =>
          `Added ${oneLine(channel.name)} as ${channel.id}. Try it out with \`watchpost channels test ${channel.id}\`.\n`,
      );
    });
}
