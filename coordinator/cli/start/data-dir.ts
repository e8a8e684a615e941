import { constants, existsSync } from "node:fs";
import { access, mkdir, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { ConfigError } from "../../../shared/errors.ts";

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
    await make(path, process.getuid?.() === 0 ? 0o711 : 0o700);
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
    await make(logs, 0o700);
  } catch (thrown) {
    const reason = reasons[(thrown as NodeJS.ErrnoException).code ?? ""];
    if (reason === undefined) throw thrown;
    throw new ConfigError(`the data directory ${path} ${reason}: set WATCHPOST_DATA to one that is yours`);
  }
  return { path, logs, file: (name) => join(path, name) };
}

/** Makes a directory and those above it. Node's own `recursive` never returns where none can be made, as in /proc. */
async function make(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, mode);
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === "EEXIST" && (await stat(path)).isDirectory()) return;
    if (code !== "ENOENT" || existsSync(dirname(path))) throw thrown;
    await make(dirname(path), 0o755);
    await mkdir(path, mode);
  }
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: "is not writable",
  EPERM: "is not writable",
  ENOENT: "cannot be made there",
  EROFS: "is on a read-only file system",
  ENOSPC: "is on a full disk",
  ENOTDIR: "is not a directory",
  EEXIST: "is not a directory",
};
