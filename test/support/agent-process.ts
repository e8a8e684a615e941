import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { QueueServer } from "../../shared/queues.ts";
import type { TestCoordinator } from "./coordinator.ts";
import { agentToken } from "./coordinator.ts";

const entry = fileURLToPath(new URL("../../dist/agent/main.js", import.meta.url));

/** A real agent: the built program in a process of its own. */
export interface AgentProcess {
  readonly id: string;
  /** All that it wrote so far. */
  output(): string;
  /** Its exit code when it has ended, null when a signal ended it. */
  readonly exited: Promise<number | null>;
  /** Ends it by a signal and resolves to its exit code, null when the signal ended it. */
  end(signal: "SIGTERM" | "SIGKILL"): Promise<number | null>;
}

export function startAgentProcess(
  coordinator: Pick<TestCoordinator, "url" | "queueServer">,
  region: string,
  id: string,
  env: NodeJS.ProcessEnv = {},
): AgentProcess {
  const child = fork(entry, {
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    env: {
      PATH: process.env.PATH,
      WATCHPOST_COORDINATOR_URL: coordinator.url,
      WATCHPOST_AGENT_TOKEN: agentToken,
      WATCHPOST_REGION: region,
      WATCHPOST_AGENT_ID: id,
      WATCHPOST_ALLOW_PRIVATE_ADDRESSES: "true",
      WATCHPOST_HEALTH_PORT: "0",
      ...queueEnv(coordinator.queueServer),
      ...env,
    },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (data) => (output += data));
  const exited = once(child, "close").then(([code]) => code as number | null);
  return {
    id,
    output: () => output,
    exited,
    end(signal) {
      child.kill(signal);
      return exited;
    },
  };
}

/** The environment that names a queue server. */
export function queueEnv(server: QueueServer): NodeJS.ProcessEnv {
  if (server.kind === "postgres") return { QUEUE_DATABASE_URL: server.connectionString };
  const { host, port, password } = server.options;
  return { REDIS_HOST: String(host), REDIS_PORT: String(port), REDIS_PASSWORD: String(password ?? "") };
}
