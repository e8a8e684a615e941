import { Command, CommanderError } from "commander";
import { ConfigError, errorText } from "../../shared/errors.ts";
import { loadDotEnv } from "../../shared/program.ts";
import { readVersion } from "../../shared/version.ts";
import { addAgents } from "./agents/index.ts";
import { addApply } from "./apply/index.ts";
import { addAudit } from "./audit.ts";
import { addChannels } from "./channels/index.ts";
import { createContext } from "./context.ts";
import { addDeliveries } from "./deliveries/index.ts";
import { addDoctor } from "./doctor/index.ts";
import { CommandFailure, failureText } from "./failure.ts";
import { addIncidents } from "./incidents/index.ts";
import { addKeys } from "./keys.ts";
import { addMaintenance } from "./maintenance/index.ts";
import { addMonitors } from "./monitors/index.ts";
import { addRegions } from "./regions.ts";
import { addResults } from "./results.ts";
import { addRules } from "./rules/index.ts";
import { addPart } from "./run-part.ts";
import { addStart } from "./start.ts";
import { addTail } from "./tail.ts";
import { processTerminal, type Terminal } from "./terminal.ts";
import { addTokens } from "./tokens/index.ts";
import { addVerdict } from "./verdict/index.ts";

/** The `watchpost` command, with this process as its terminal. */
export async function main(): Promise<void> {
  const terminal = processTerminal();
  process.exitCode = await runCli(process.argv.slice(2), terminal, loadDotEnv);
}

/**
 * Runs one command line.
 * @param prepare runs before the command and may throw as a command may.
 * @returns the exit code: 0 fine, 1 the answer is bad, 2 the call was wrong.
 */
export async function runCli(args: readonly string[], terminal: Terminal, prepare = () => {}): Promise<number> {
  try {
    prepare();
    await createProgram(terminal).parseAsync(args, { from: "user" });
    return 0;
  } catch (thrown) {
    // Help and version are thrown too, with 0; a wrong call comes with 1 and has been told already.
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2;
    if (thrown instanceof CommandFailure) {
      terminal.err(`watchpost: ${failureText(thrown)}\n`);
      return thrown.exitCode;
    }
    if (thrown instanceof ConfigError) {
      terminal.err(`watchpost: ${thrown.message}\n`);
      return 2;
    }
    terminal.err(`watchpost: ${thrown instanceof Error ? thrown.stack : errorText(thrown)}\n`);
    return 1;
  }
}

function createProgram(terminal: Terminal): Command {
  const context = createContext(terminal);
  const program = new Command("watchpost")
    .description("Watches services from many places at once, and says what they saw together.")
    .version(readVersion(), "-V, --version")
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.err })
    .showHelpAfterError("Add --help for what it takes.")
    .addHelpText("after", "\nExit codes: 0 fine; 1 the answer is bad; 2 the call was wrong.");
  addStart(program, terminal);
  addPart(program, "coordinator", "Run a coordinator, configured by its environment", terminal);
  addPart(program, "agent", "Run an agent of one region, configured by its environment", terminal);
  addMonitors(program, context);
  addApply(program, context);
  addResults(program, context);
  addVerdict(program, context);
  addMaintenance(program, context);
  addIncidents(program, context);
  addTail(program, context);
  addChannels(program, context);
  addRules(program, context);
  addDeliveries(program, context);
  addRegions(program, context);
  addAgents(program, context);
  addTokens(program, context);
  addAudit(program, context);
  addKeys(program, context);
  addDoctor(program, context);
  return program;
}
