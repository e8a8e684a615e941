import type { Command } from "commander";
import type { ApiClient } from "./client.ts";
import { createClient } from "./client.ts";
import { readAccess } from "./settings.ts";
import type { Terminal } from "./terminal.ts";

/** What every command is made with. */
export interface CliContext {
  readonly terminal: Terminal;
  /** Made when a command first asks: `--help` needs no coordinator and no token. */
  client(): ApiClient;
}

export function createContext(terminal: Terminal): CliContext {
  return { terminal, client: () => createClient(readAccess(terminal.env)) };
}

export interface JsonOption {
  readonly json?: true;
}

const environment = `
Environment (also from .env in the working directory):
  WATCHPOST_URL    the coordinator; when not set, it is looked for on this
                   machine: at PORT, where \`watchpost start\` is, or at 8080
  WATCHPOST_TOKEN  the admin token; when not set, that of \`watchpost start\`
  WATCHPOST_DATA   the data directory of \`watchpost start\` (./.watchpost)

Exit codes: 0 fine; 1 the answer is bad; 2 the call was wrong.`;

/** A command that asks the coordinator: it takes --json, and its help tells the environment and shows examples. */
export function apiCommand(parent: Command, name: string, description: string, examples: readonly string[]): Command {
  const shown = examples.map((example) => `  $ ${example}`).join("\n");
  return parent
    .command(name)
    .description(description)
    .option("--json", "print JSON, for programs")
    .addHelpText("after", `\nExamples:\n${shown}\n${environment}`);
}

/** Prints a value as JSON, or as people read it. */
export function print({ terminal }: CliContext, { json }: JsonOption, value: unknown, forPeople: () => string): void {
  terminal.out(json ? `${JSON.stringify(value, null, 2)}\n` : forPeople());
}
