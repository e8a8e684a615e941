import type { Command } from "commander";
import { apiCommand, type CliContext, type JsonOption, print } from "../context.ts";
import { oneLine } from "../table.ts";
import { findWindow } from "./find.ts";

export function addRm(parent: Command, context: CliContext): void {
  apiCommand(parent, "rm", "Remove a window; if it is on, it ends at once", [
    'watchpost maintenance rm "Database upgrade"',
  ])
    .argument("<window>", "its id or its name")
    .action(async (idOrName: string, options: JsonOption) => {
      const client = context.client();
      const { id, name } = await findWindow(client, idOrName);
      await client.delete(`/v1/maintenance/${id}`);
      print(context, options, { id, name, removed: true }, () => `Removed ${oneLine(name)} (${id}).\n`);
    });
}
