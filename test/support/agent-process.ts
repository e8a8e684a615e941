import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { QueueServer } from "../../shared/queues.ts";
import type { TestCoordinator } from "./coordinator.ts";
import { agentToken } from "./coordinator.ts";
import type { ProgramProcess } from "./program-process.ts";
import { startProgram } from "./program-process.ts";

/** A real agent. Its spool goes when it ends, unless `env` says where it is. */
export interface AgentProcess extends ProgramProcess {
  readonly id: string;
}

export function startAgentProcess(
  coordinator: Pick<TestCoordinator, "url" | "queueServer">,
  region: string,
  id: string,
  env: NodeJS.ProcessEnv = {},
  {
    program: file = "agent/main.js",
    execArgv = [],
    prefix = [],
  }: { program?: string; execArgv?: readonly string[]; prefix?: readonly string[] } = {},
): AgentProcess {
  const spoolDir = join(tmpdir(), `watchpost-test-spool-${randomUUID()}`);
  const program = startProgram(
    file,
    {
      WATCHPOST_COORDINATOR_URL: coordinator.url,
      WATCHPOST_AGENT_TOKEN: agentToken,
      WATCHPOST_REGION: region,
      WATCHPOST_AGENT_ID: id,
      WATCHPOST_ALLOW_PRIVATE_ADDRESSES: "true",
      WATCHPOST_HEALTH_PORT: "0",
      WATCHPOST_AGENT_SPOOL_DIR: spoolDir,
      ...queueEnv(coordinator.queueServer),
      ...env,
    },
    execArgv,
    prefix,
  );
  void program.exited.then(() => rm(spoolDir, { recursive: true, force: true }));
  return { id, ...program };
}

/** The environment that names a queue server. */
export function queueEnv(server: QueueServer): NodeJS.ProcessEnv {
  if (server.kind === "postgres") return { QUEUE_DATABASE_URL: server.connectionString };
  const { host, port, password } = server.options;
  return { REDIS_HOST: String(host), REDIS_PORT: String(port), REDIS_PASSWORD: String(password ?? "") };
}
