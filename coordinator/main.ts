import { loadDotEnv, runProgram } from "../shared/program.ts";
import { systemdOf } from "../shared/systemd.ts";
import { readConfig } from "./config.ts";
import { createCoordinator } from "./coordinator.ts";

loadDotEnv();
await runProgram((env) => createCoordinator(readConfig(env), systemdOf(env)), process.env);
