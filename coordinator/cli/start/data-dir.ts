import { constants } from "node:fs";
import { access, statfs } from "node:fs/promises";
import { join, resolve } from "node:path";
import { directoryTrouble, makeDirectory } from "../../../shared/directory.ts";
import { ConfigError } from "../../../shared/errors.ts";

const MB = 1_048_576;
const LEAST_FREE_BYTES = 500 * MB;

/** Where `watchpost start` keeps what. */
export interface DataDir {
  readonly path: string;
  readonly logs: string;
  /** A file or directory of that name in it. */
  file(name: string): string;
}

/**
 * Makes the data directory if it is missing. Nobody else may read in it; when it
 * is root's, others may pass through, because PostgreSQL does not run as root.
 * @throws ConfigError when it cannot be made or written to.
 */
export async function openDataDir(given: string): Promise<DataDir> {
  const path = resolve(given);
  const logs = join(path, "logs");
  try {
    await makeDirectory(path, process.getuid?.() === 0 ? 0o711 : 0o700);
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
    await makeDirectory(logs, 0o700);
  } catch (thrown) {
    const reason = directoryTrouble(thrown);
    if (reason === null) throw thrown;
    throw new ConfigError(`the data directory ${path} ${reason}: set WATCHPOST_DATA to one that is yours`);
  }
  return { path, logs, file: (name) => join(path, name) };
}

/** What is too little free space for a data directory, in words; null when there is enough. The databases make 100 MB at their first start. */
export async function spaceTrouble({ path }: Pick<DataDir, "path">, least = LEAST_FREE_BYTES): Promise<string | null> {
  const { bavail, bsize } = await statfs(path);
  const free = bavail * bsize;
  if (free >= least) return null;
  return `only ${Math.floor(free / MB)} MB are free where ${path} is: make room, or set WATCHPOST_DATA; on a full disk nothing is kept`;
}
