import type { Command } from "commander";
import { isoTime } from "../../../shared/clock.ts";
import { parseDuration } from "../../../shared/duration.ts";
import type { MaintenanceRow } from "../../http/api-types.ts";
import { apiCommand, type CliContext, type JsonOption, print } from "../context.ts";
import { CommandFailure } from "../failure.ts";
import { findMonitor } from "../monitors/find.ts";
import { added } from "./describe.ts";

interface NowOptions extends JsonOption {
  readonly for: string;
  readonly reason?: string;
}

export function addNow(parent: Command, context: CliContext): void {
  apiCommand(parent, "now", "Put a monitor in maintenance from now on, for a while", [
    'watchpost maintenance now "Checkout API" --for 1h',
    'watchpost maintenance now "Checkout API" --for 90m --reason "moves to new machines"',
  ])
    .argument("<monitor>", "its id or its name")
    .requiredOption("--for <duration>", "for how long, such as 30m or 2h")
    .option("--reason <reason>", "why, for those who look at it")
    .action(async (idOrName: string, { for: length, reason, ...options }: NowOptions) => {
      const ms = parseDuration(length);
      if (ms === null || ms === 0) throw new CommandFailure(2, `--for ${length} must be a duration such as 30m or 2h`);
      const client = context.client();
      const { id, name } = await findMonitor(client, idOrName);
      const now = context.terminal.now();
      const window = await client.post<MaintenanceRow>("/v1/maintenance", {
        name: `${[...name].slice(0, 180).join("")}: now`,
        monitors: [id],
        ...(reason !== undefined && { reason }),
        when: { once: { from: isoTime(now), to: isoTime(now + ms) } },
      });
      print(context, options, window, () => added(window));
    });
}
