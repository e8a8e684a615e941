import { loadDotEnv, runProgram } from "../shared/program.ts";
import { createAgent } from "./agent.ts";
import { readConfig } from "./config.ts";
import { createAgentProcesses } from "./processes.ts";

loadDotEnv();
await runProgram((env) => {
  const config = readConfig(env);
  return config.processes === 1
    ? createAgent(config)
    : createAgentProcesses(config, { program: new URL(import.meta.url), env });
}, process.env);
