import type { Command } from "commander";
import { apiCommand, type CliContext, type JsonOption, print } from "../context.ts";

export function addRevoke(parent: Command, context: CliContext): void {
  apiCommand(parent, "revoke", "Cut an enrolled agent off, for good", [
    "watchpost agents revoke agt_0123456789abcdefghij",
  ])
    .argument("<agent>", "its id")
    .action(async (id: string, options: JsonOption) => {
      await context.client().delete(`/v1/agents/${encodeURIComponent(id)}`);
      print(context, options, { id, revoked: true }, () => `Revoked ${id}: it is cut off, and cannot come back.\n`);
    });
}
