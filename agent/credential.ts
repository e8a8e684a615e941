import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { AgentCredential } from "../shared/credential.ts";
import { readCredential } from "../shared/credential.ts";
import { makeDirectory } from "../shared/directory.ts";
import { writeDurably } from "../shared/durable-file.ts";
import { ConfigError, errorText } from "../shared/errors.ts";
import { stateDirectory } from "./state-directory.ts";

/** The setting that names the file; systemd's `LoadCredential=agent:…` needs none. */
export const CREDENTIAL_FILE = "WATCHPOST_CREDENTIAL_FILE";
/** The name of the credential among those that systemd hands a unit (systemd.exec(5), CREDENTIALS_DIRECTORY). */
const SYSTEMD_CREDENTIAL = "agent";

/** The credential that an agent works with; while it runs it may be given another one. */
export interface LiveCredential {
  readonly current: AgentCredential;
  /**
   * Keeps a new secret for this start and the next ones, and uses it from now on.
   * @param news what is new in it
   * @returns the secret's number; of one that is not newer than the current, the current's
   * @throws Error when it is no credential of this agent, or cannot be kept.
   */
  replace(news: unknown): Promise<number>;
}

/**
 * The credential that this agent was enrolled with, or the newer one that it was given since; null when it has none.
 * @throws ConfigError when there should be one and it cannot be read.
 */
export function openCredential(env: NodeJS.ProcessEnv): LiveCredential | null {
  const given = givenCredential(env);
  if (given === null) return null;
  const { agentId } = given;
  let current = newer(given, readFile(keptPath(stateDirectory(env), agentId)));
  return {
    get current() {
      try {
        // Another process of this agent may have been given one.
        current = newer(current, readFile(keptPath(stateDirectory(env), agentId)));
      } catch {
        // What cannot be read now is told at the next start; the last one may be good still.
      }
      return current;
    },
    async replace(news) {
      const { generation, region, coordinatorUrl } = current;
      // What it was enrolled as it stays, and where it found its coordinator it finds it still.
      const next = readCredential({ ...current, ...(news as object), region, coordinatorUrl });
      if (next.agentId !== agentId) throw new Error("it is another agent's");
      if (next.generation <= generation) return generation;
      await keepCredential(env, next);
      current = next;
      return next.generation;
    },
  };
}

function newer(one: AgentCredential, other: AgentCredential | null): AgentCredential {
  return other !== null && other.agentId === one.agentId && other.generation > one.generation ? other : one;
}

function givenCredential(env: NodeJS.ProcessEnv): AgentCredential | null {
  const { [CREDENTIAL_FILE]: file, CREDENTIALS_DIRECTORY: directory } = env;
  if (file) {
    const credential = readFile(file);
    if (credential === null) throw new ConfigError(`${CREDENTIAL_FILE} ${file} is not there`);
    return credential;
  }
  return directory ? readFile(join(directory, SYSTEMD_CREDENTIAL)) : null;
}

/** @throws Error of the file system; what was kept before is then as it was. */
async function keepCredential(env: NodeJS.ProcessEnv, credential: AgentCredential): Promise<void> {
  const dir = stateDirectory(env);
  try {
    await makeDirectory(dir, 0o700);
    await writeDurably(dir, keptName(credential.agentId), writeCredential(credential));
  } catch (thrown) {
    // Several processes of one agent are given it at the same time, and another one was quicker.
    const kept = readFile(keptPath(dir, credential.agentId));
    if (kept === null || kept.generation < credential.generation) throw thrown;
  }
}

/** The text of a credential's file. */
export function writeCredential(credential: AgentCredential): string {
  return `${JSON.stringify(credential, null, 2)}\n`;
}

/** Agents that share a state directory do not share this. */
const keptName = (agentId: string): string => `credential-${agentId}`;
const keptPath = (dir: string, agentId: string): string => join(dir, keptName(agentId));

/** Null when there is no such file. */
function readFile(path: string): AgentCredential | null {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw new ConfigError(`the credential ${path} cannot be read: ${errorText(thrown)}`);
  }
  try {
    return readCredential(text);
  } catch (thrown) {
    throw new ConfigError(`the credential ${path} cannot be used: ${errorText(thrown)}`);
  }
}
