import { extname } from "node:path";
import { type Command, Option } from "commander";
import type { Settings } from "../../shared/env.ts";
import type { Terminal } from "./terminal.ts";

/**
 * `watchpost coordinator` and `watchpost agent`: the part runs in this process until
 * it is told to stop. The agent's code is reached by address and not by import, since
 * the coordinator's code knows nothing of it.
 */
export function addPart(parent: Command, side: "coordinator" | "agent", about: string, terminal: Terminal): void {
  const command = parent.command(side).description(about);
  if (side === "coordinator") {
    const roles = new Option("--roles <list>", "what this process does, such as schedule,ingest or api").env(
      "WATCHPOST_ROLES",
    );
    command.addOption(roles);
  }
  command
    // The help lists the part's settings, which take long to load and are wanted only then.
    .helpOption(false)
    .option("-h, --help", "display help for command")
    .action(async ({ help, roles }: { help?: true; roles?: string }) => {
      if (roles !== undefined) process.env.WATCHPOST_ROLES = roles;
      if (!help) return void (await load(side, "main"));
      const { [`${side}Settings`]: settings = {} } = (await load(side, "config")) as Record<string, Settings>;
      terminal.out(`${command.helpInformation()}\n${listSettings(settings)}`);
    });
}

function load(side: string, module: string): Promise<unknown> {
  return import(new URL(`../../${side}/${module}${extname(import.meta.url)}`, import.meta.url).href);
}

/** The settings as lines for a terminal. */
export function listSettings(settings: Settings): string {
  const all = Object.values(settings);
  const width = Math.max(...all.map(({ variable }) => variable.length));
  const lines = all.map(({ variable, about, form, fallback }) => {
    const otherwise = fallback === null ? "" : `, ${String(fallback)} when not set`;
    return `  ${variable.padEnd(width)}  ${about}\n  ${"".padEnd(width)}  (${form}${otherwise})`;
  });
  return `Environment (also from .env in the working directory):\n${lines.join("\n")}\n`;
}
