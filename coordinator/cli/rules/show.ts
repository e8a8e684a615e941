import type { Command } from "commander";
import { stringify } from "yaml";
import type { AlertRuleRow } from "../../http/api-types.ts";
import { apiCommand, type CliContext, type JsonOption, print } from "../context.ts";
import { findNamed, ruleKind } from "../find-named.ts";

export function addShow(parent: Command, context: CliContext): void {
  apiCommand(parent, "show", "Show a rule", ["watchpost rules show Production"])
    .argument("<rule>", "its id or its name")
    .action(async (idOrName: string, options: JsonOption) => {
      const rule = await findNamed<AlertRuleRow>(context.client(), ruleKind, idOrName);
      print(context, options, rule, () => {
        const { id, ...document } = rule;
        return `# ${id}\n${stringify(document)}`;
      });
    });
}
