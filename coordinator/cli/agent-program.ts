import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { leanNode } from "../../shared/lean-node.ts";

/** What to run as an agent, and how. */
export interface AgentProgram {
  /** Its file without the ending. */
  readonly path: URL;
  /** Options for Node itself. */
  readonly execArgv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * The agent in one file where the build has made it, else its main module. It is
 * reached by address and not by import, since the coordinator's code knows nothing of it.
 */
export function agentProgram(): AgentProgram {
  const bundle = new URL("../../agent", import.meta.url);
  const path = existsSync(`${fileURLToPath(bundle)}.js`) ? bundle : new URL("../../agent/main", import.meta.url);
  return { path, ...leanNode };
}
