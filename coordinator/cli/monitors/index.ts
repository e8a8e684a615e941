import type { Command } from "commander";
import { apiCommand, type CliContext, type JsonOption } from "../context.ts";
import { addAdd } from "./add.ts";
import { addPause, addResume } from "./enable.ts";
import { listMonitors } from "./list.ts";
import { addRm } from "./rm.ts";
import { addShow } from "./show.ts";

export function addMonitors(parent: Command, context: CliContext): void {
  const monitors = apiCommand(
    parent,
    "monitors",
    "List the monitors with verdict, regions, latency and last check; or change them",
    [
      "watchpost monitors",
      "watchpost monitors --json",
      "watchpost monitors add --url https://shop.example/health --interval 30s",
      'watchpost monitors show "Checkout API"',
      "watchpost monitors add --help",
    ],
  ).action((options: JsonOption) => listMonitors(context, options));
  addAdd(monitors, context);
  addShow(monitors, context);
  addRm(monitors, context);
  addPause(monitors, context);
  addResume(monitors, context);
}
