import { runProgram } from "../shared/program.ts";
import { systemdOf } from "../shared/systemd.ts";
import { createAgent } from "./agent.ts";
import { readConfig } from "./config.ts";
import { parentOf } from "./parent.ts";
import { type AgentProgram, createAgentProcesses } from "./processes.ts";

/**
 * Runs this process as the agent, or as the parent of several.
 * @param program how this same program is started once more
 */
export function runAgent(program: AgentProgram): Promise<void> {
  return runProgram((env) => {
    const config = readConfig(env);
    const supervisor = systemdOf(env) ?? parentOf(process);
    return config.processes === 1
      ? createAgent(config, supervisor)
      : createAgentProcesses(config, { program, env, supervisor });
  }, process.env);
}
