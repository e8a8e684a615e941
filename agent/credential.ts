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

/**
 * The credential that this agent was enrolled with, or the newer one that it was given since; null when it has none.
 * @throws ConfigError when there should be one and it cannot be read.
 */
export function loadCredential(env: NodeJS.ProcessEnv): AgentCredential | null {
  const given = givenCredential(env);
  if (given === null) return null;
  const kept = readFile(keptPath(stateDirectory(env), given.agentId));
  return kept?.agentId === given.agentId && kept.generation > given.generation ? kept : given;
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

/**
 * Keeps a credential that replaces the one that the agent was started with, from the next start on too.
 * @throws Error of the file system; what was kept before is then as it was.
 */
export async function keepCredential(env: NodeJS.ProcessEnv, credential: AgentCredential): Promise<void> {
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
