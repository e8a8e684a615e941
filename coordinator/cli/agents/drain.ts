import type { Command } from "commander";
import type { AgentRow } from "../../http/api-types.ts";
import { apiCommand, type CliContext, type JsonOption, print } from "../context.ts";
import { oneLine } from "../table.ts";

type Answer = { readonly data: readonly AgentRow[] };

export function addDrain(parent: Command, context: CliContext): void {
  apiCommand(
    parent,
    "drain",
    "Have an agent take no more checks, until it is resumed; it finishes those that it has, and stays linked",
    ["watchpost agents drain agt_0123456789abcdefghij"],
  )
    .argument("<agent>", "its id; that of an agent with several processes is for all of them")
    .action(async (id: string, options: JsonOption) => {
      const { data } = await ask(context, id, "drain");
      print(
        context,
        options,
        data,
        () => `${oneLine(id)} takes no more checks; \`watchpost agents resume ${oneLine(id)}\` ends that.\n`,
      );
    });
}

export function addResume(parent: Command, context: CliContext): void {
  apiCommand(parent, "resume", "Have a drained agent take checks again", [
    "watchpost agents resume agt_0123456789abcdefghij",
  ])
    .argument("<agent>", "its id")
    .action(async (id: string, options: JsonOption) => {
      const { data } = await ask(context, id, "resume");
      print(context, options, data, () => `${oneLine(id)} takes checks again.\n`);
    });
}

function ask(context: CliContext, id: string, what: "drain" | "resume"): Promise<Answer> {
  return context.client().post<Answer>(`/v1/agents/${encodeURIComponent(id)}/${what}`, {});
}
