import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { AgentCredential } from "../../shared/credential.ts";
import { type AgentProcess, startAgentProcess } from "./agent-process.ts";
import type { TestCoordinator } from "./coordinator.ts";
import { tempDir } from "./temp-dir.ts";

/** What enrolment left on a server; agents are started from it, and again. */
export interface EnrolledAgent {
  readonly credential: AgentCredential;
  readonly agentId: string;
  readonly stateDir: string;
  /** A real agent that finds everything in its credential. */
  start(env?: NodeJS.ProcessEnv): AgentProcess;
  remove(): Promise<void>;
}

/** Enrols an agent at a coordinator, by a token of its own. */
export async function enrolledAgent(coordinator: TestCoordinator, region: string): Promise<EnrolledAgent> {
  const { body: made } = await coordinator.call("POST", "/v1/enrollment-tokens", { region });
  const told = { token: made.token, host: "test", version: "0", arch: "x64" };
  const { body } = await coordinator.call("POST", "/agent/enroll", told, null);
  const { serverTimeMs: _, ...given } = body;
  const credential: AgentCredential = { ...given, coordinatorUrl: coordinator.url };
  const dir = await tempDir();
  const file = join(dir.path, "credential");
  const stateDir = join(dir.path, "state");
  await writeFile(file, JSON.stringify(credential), { mode: 0o600 });
  return {
    credential,
    agentId: credential.agentId,
    stateDir,
    start: (env = {}) =>
      startAgentProcess(coordinator, "", "", {
        WATCHPOST_COORDINATOR_URL: "",
        WATCHPOST_AGENT_TOKEN: "",
        REDIS_HOST: "",
        REDIS_PORT: "",
        REDIS_PASSWORD: "",
        WATCHPOST_CREDENTIAL_FILE: file,
        STATE_DIRECTORY: stateDir,
        ...env,
      }),
    remove: () => rm(dir.path, { recursive: true, force: true }),
  };
}
