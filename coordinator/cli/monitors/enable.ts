import type { Command } from "commander";
import type { MonitorRow } from "../../http/api-types.ts";
import { apiCommand, type CliContext, type JsonOption, print } from "../context.ts";
import { oneLine } from "../table.ts";
import { findMonitor } from "./find.ts";

export function addPause(parent: Command, context: CliContext): void {
  addSwitch(parent, context, false, "pause", "Stop checking a monitor until it is resumed", "Paused");
}

export function addResume(parent: Command, context: CliContext): void {
  addSwitch(parent, context, true, "resume", "Check a paused monitor again", "Resumed");
}

function addSwitch(
  parent: Command,
  context: CliContext,
  enabled: boolean,
  name: string,
  about: string,
  done: string,
): void {
  apiCommand(parent, name, about, [`watchpost monitors ${name} "Checkout API"`])
    .argument("<monitor>", "its id or its name")
    .action(async (idOrName: string, options: JsonOption) => {
      const client = context.client();
      const { id } = await findMonitor(client, idOrName);
      const monitor = await client.patch<MonitorRow>(`/v1/monitors/${id}`, { enabled });
      print(context, options, monitor, () => `${done} ${oneLine(monitor.name)} (${id}).\n`);
    });
}
