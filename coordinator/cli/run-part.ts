import { extname } from "node:path";
import { type Command, Option } from "commander";
import type { Settings } from "../../shared/env.ts";
import { listSettings } from "../../shared/list-settings.ts";
import { agentProgram } from "./agent-program.ts";
import type { Terminal } from "./terminal.ts";

/**
 * `watchpost coordinator` and `watchpost agent`: the part runs in this process until
 * it is told to stop. An agent here has not the options that Node can only be started with: a
 * process of its own with them would take more memory, together with this one, than they save.
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
      const main = side === "agent" ? agentProgram().path : new URL("../main", import.meta.url);
      if (!help) return void (await load(main));
      const config = new URL(`../../${side}/config`, import.meta.url);
      const { [`${side}Settings`]: settings = {} } = (await load(config)) as Record<string, Settings>;
      terminal.out(
        `${command.helpInformation()}\nEnvironment (also from .env in the working directory):\n${listSettings(settings)}`,
      );
    });
}

/** @param module without its ending */
function load(module: URL): Promise<unknown> {
  return import(module.href + extname(import.meta.url));
}
