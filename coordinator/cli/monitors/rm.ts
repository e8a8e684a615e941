import type { Command } from "commander";
import { apiCommand, type CliContext, type JsonOption, print } from "../context.ts";
import { oneLine } from "../table.ts";
import { findMonitor } from "./find.ts";

export function addRm(parent: Command, context: CliContext): void {
  apiCommand(parent, "rm", "Remove a monitor", ['watchpost monitors rm "Checkout API"'])
    .argument("<monitor>", "its id or its name")
    .action(async (idOrName: string, options: JsonOption) => {
      const client = context.client();
      const { id, name } = await findMonitor(client, idOrName);
      await client.delete(`/v1/monitors/${id}`);
      print(context, options, { id, name, removed: true }, () => `Removed ${oneLine(name)} (${id}).\n`);
    });
}
