import type { Part } from "../shared/lifecycle.ts";
import { createLogger } from "../shared/logger.ts";
import { runProgram } from "../shared/program.ts";
import { type Supervisor, systemdOf } from "../shared/systemd.ts";
import { createAgent } from "./agent.ts";
import { type AgentConfig, agentSettings, readConfig } from "./config.ts";
import { createHealth } from "./health.ts";
import { parentOf } from "./parent.ts";
import { type AgentProgram, createAgentProcesses } from "./processes.ts";
import { createSteadfastAgent } from "./steadfast.ts";

/**
 * Runs this process as the agent, or as the parent of several.
 * @param program how this same program is started once more
 */
export function runAgent(program: AgentProgram): Promise<void> {
  return runProgram((env) => {
    const config = readConfig(env);
    const supervisor = systemdOf(env) ?? parentOf(process);
    if (config.processes > 1) return createAgentProcesses(config, { program, env, supervisor });
    return config.credential ? enrolledAgent(config, env, supervisor) : createAgent(config, supervisor);
  }, process.env);
}

/** Of one that shares its token with others a refusal is its operator's mistake, and its end. */
function enrolledAgent(config: AgentConfig, env: NodeJS.ProcessEnv, supervisor: Supervisor | null): Part {
  const { logLevel, region, agentId, healthPort } = config;
  return createSteadfastAgent({
    build: (told) => createAgent(readConfig(env), told),
    onRefused: (reason) =>
      createHealth({
        port: healthPort,
        variable: agentSettings.healthPort.variable,
        readiness: () => ({ link: { ok: false, reason } }),
      }),
    supervisor,
    logger: createLogger({ level: logLevel, name: "agent", fields: { region, agent: agentId } }),
  });
}
