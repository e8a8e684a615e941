import { fileURLToPath } from "node:url";
import { leanNode } from "../shared/lean-node.ts";
import { loadDotEnv } from "../shared/program.ts";
import { runAgent } from "./run-agent.ts";

loadDotEnv();
await runAgent({
  module: fileURLToPath(import.meta.url),
  execArgv: [...process.execArgv, ...leanNode.execArgv],
});
