import { loadDotEnv, runProgram } from "../shared/program.ts";
import { createAgent } from "./agent.ts";
import { readConfig } from "./config.ts";

loadDotEnv();
await runProgram((env) => createAgent(readConfig(env)), process.env);
