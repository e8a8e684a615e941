import type { Command } from "commander";
import type { AlertRuleRow, ChannelRow } from "../../http/api-types.ts";
import { ruleFor, whomItTells } from "../../notify/words.ts";
import { apiCommand, type CliContext, type JsonOption, print } from "../context.ts";
import { renderTable } from "../table.ts";

export function addList(parent: Command, context: CliContext): void {
  apiCommand(parent, "list", "List the rules", ["watchpost rules list --json"]).action((options: JsonOption) =>
    listRules(context, options),
  );
}

export async function listRules(context: CliContext, options: JsonOption): Promise<void> {
  const client = context.client();
  const [rules, channels] = await Promise.all([
    client.list<AlertRuleRow>("/v1/alert-rules"),
    client.list<ChannelRow>("/v1/channels"),
  ]);
  const names = new Map(channels.map(({ id, name }) => [id, name]));
  print(context, options, rules, () => {
    if (rules.length === 0) return "No rules yet, so nobody is told: add one with `watchpost rules add -f FILE`.\n";
    return renderTable(
      [
        { title: "NAME", value: ({ name }) => name },
        { title: "ID", value: ({ id }) => id },
        {
          title: "ENABLED",
          value: ({ enabled }) => (enabled ? "yes" : "no"),
          color: ({ enabled }) => (enabled ? "green" : "gray"),
        },
        { title: "OF", value: ({ events }) => events.join(", ") },
        { title: "FOR", value: ruleFor },
        { title: "TELLS", value: (rule) => whomItTells(rule, names) },
      ],
      rules,
      context.terminal.color,
    );
  });
}
