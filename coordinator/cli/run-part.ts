import { extname } from "node:path";
import { type Command, Option } from "commander";
import type { Settings } from "../../shared/env.ts";
import { listSettings } from "../../shared/list-settings.ts";
import { agentProgram } from "./agent-program.ts";
import { parseRegion } from "./arguments.ts";
import { CommandFailure } from "./failure.ts";
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
  if (side === "agent") addEnroll(command, terminal);
}

interface EnrollOptions {
  readonly coordinator: string;
  readonly tokenFile?: string;
  readonly output: string;
  readonly region?: string;
}

/** `watchpost agent enroll`: what the installer does on a server that has Node and this package instead. */
function addEnroll(parent: Command, terminal: Terminal): void {
  parent
    .command("enroll")
    .description("Make this machine an agent, with a token that `watchpost agents enroll` printed on the coordinator's")
    .helpOption("-h, --help", "display help for command")
    .requiredOption("--coordinator <url>", "the coordinator's address, such as https://watch.example")
    .option("--token-file <file>", "where the token is; - is standard input (WATCHPOST_ENROLLMENT_TOKEN_FILE)")
    .requiredOption("--output <file>", "where to keep the agent's credential, for WATCHPOST_CREDENTIAL_FILE")
    .option("--region <region>", "refuse a token that is of another region", parseRegion)
    .action(async (options: EnrollOptions) => {
      const module = new URL("../../agent/enroll-command", import.meta.url);
      const { enrollBy } = (await load(module)) as {
        enrollBy: (given: EnrollOptions, env: NodeJS.ProcessEnv) => Promise<string>;
      };
      try {
        terminal.out(`${await enrollBy(options, terminal.env)}\n`);
      } catch (thrown) {
        // Known by its name: the coordinator's code knows nothing of the agent's.
        if ((thrown as Error).name === "EnrollmentFailure") throw new CommandFailure(1, (thrown as Error).message);
        throw thrown;
      }
    });
}

/** @param module without its ending */
function load(module: URL): Promise<unknown> {
  return import(module.href + extname(import.meta.url));
}
