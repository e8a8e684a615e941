import type { Command } from "commander";
import type { AlertRuleRow } from "../../http/api-types.ts";
import { apiCommand, type CliContext, type JsonOption, print } from "../context.ts";
import { findNamed, ruleKind } from "../find-named.ts";
import { oneLine } from "../table.ts";

export function addRm(parent: Command, context: CliContext): void {
  apiCommand(parent, "rm", "Remove a rule: nobody is told by it any more", ["watchpost rules rm Production"])
    .argument("<rule>", "its id or its name")
    .action(async (idOrName: string, options: JsonOption) => {
      const client = context.client();
      const { id, name } = await findNamed<AlertRuleRow>(client, ruleKind, idOrName);
      await client.delete(`/v1/alert-rules/${id}`);
      print(context, options, { id, name, removed: true }, () => `Removed ${oneLine(name)} (${id}).\n`);
    });
}
