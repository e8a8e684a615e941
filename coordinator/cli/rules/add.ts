import type { Command } from "commander";
import type { AlertRuleRow, ChannelRow } from "../../http/api-types.ts";
import type { ApiClient } from "../client.ts";
import { apiCommand, type CliContext, type JsonOption, print } from "../context.ts";
import { readDocumentFile } from "../document-file.ts";
import { channelKind, pickNamed } from "../find-named.ts";
import { oneLine } from "../table.ts";

const form = `
A rule, in YAML. It is for the monitors that fit one of the lists, and for all when
there is none; channels are ids or names:

  name: Production
  tags: [production]               # or monitors: [mon_…], or types: [http]
  events: [down, up, degraded]     # down and up when left out
  delay: 30s                       # trouble that is over sooner is not told
  repeat: 1h                       # told again until acknowledged or over
  steps:
    - channels: [Phone]
    - after: 15m                   # when nobody has acknowledged it by then
      channels: [Everyone]`;

export function addAdd(parent: Command, context: CliContext): void {
  apiCommand(parent, "add", "Add a rule from a YAML or JSON file", ["watchpost rules add -f production.yaml"])
    .requiredOption("-f, --file <file>", "take the rule from this file; - is standard input")
    .addHelpText("after", form)
    .action(async ({ file, ...options }: JsonOption & { readonly file: string }) => {
      const client = context.client();
      const document = await withChannelIds(client, await readDocumentFile(file, context.terminal));
      const rule = await client.post<AlertRuleRow>("/v1/alert-rules", document);
      print(context, options, rule, () => `Added ${oneLine(rule.name)} as ${rule.id}.\n`);
    });
}

/** The document with the ids of channels that it calls by their names; what has another form is for the coordinator to refuse. */
async function withChannelIds(client: ApiClient, document: unknown): Promise<unknown> {
  const { steps } = Object(document) as { readonly steps?: unknown };
  if (!Array.isArray(steps)) return document;
  const all = await client.list<ChannelRow>(channelKind.path);
  const idOf = (channel: unknown) => (typeof channel === "string" ? pickNamed(all, channelKind, channel).id : channel);
  return {
    ...(document as object),
    steps: steps.map((step: unknown) => {
      const { channels } = Object(step) as { readonly channels?: unknown };
      return Array.isArray(channels) ? { ...(step as object), channels: channels.map(idOf) } : step;
    }),
  };
}
