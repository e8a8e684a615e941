import type { Command } from "commander";
import { apiCommand, type CliContext, type JsonOption } from "../context.ts";
import { addAdd } from "./add.ts";
import { listWindows } from "./list.ts";
import { addNow } from "./now.ts";
import { addRm } from "./rm.ts";
import { addShow } from "./show.ts";

export function addMaintenance(parent: Command, context: CliContext): void {
  const maintenance = apiCommand(
    parent,
    "maintenance",
    "List the windows in which trouble is expected and nobody is told of it; or change them",
    [
      "watchpost maintenance",
      'watchpost maintenance now "Checkout API" --for 1h',
      "watchpost maintenance add -f window.yaml",
      "watchpost maintenance add --help",
    ],
  ).action((options: JsonOption) => listWindows(context, options));
  addAdd(maintenance, context);
  addNow(maintenance, context);
  addShow(maintenance, context);
  addRm(maintenance, context);
}
