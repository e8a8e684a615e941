import type { Command } from "commander";
import { apiCommand, type CliContext, type JsonOption } from "../context.ts";
import { addAdd } from "./add.ts";
import { addList, listRules } from "./list.ts";
import { addRm } from "./rm.ts";
import { addShow } from "./show.ts";

export function addRules(parent: Command, context: CliContext): void {
  const rules = apiCommand(parent, "rules", "List the rules that say who is told of what; or change them", [
    "watchpost rules",
    "watchpost rules add -f everything.yaml",
    "watchpost rules add --help",
  ]).action((options: JsonOption) => listRules(context, options));
  addList(rules, context);
  addAdd(rules, context);
  addShow(rules, context);
  addRm(rules, context);
}
