import { existsSync } from "node:fs";
import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";

/** Makes a directory and those above it. Node's own `recursive` never returns where none can be made, as in /proc. */
export async function makeDirectory(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, mode);
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === "EEXIST" && (await stat(path)).isDirectory()) return;
    if (code !== "ENOENT" || existsSync(dirname(path))) throw thrown;
    await makeDirectory(dirname(path), 0o755);
    await mkdir(path, mode);
  }
}

/** Why a directory cannot be used, as words that follow its name; null when the error does not say. */
export function directoryTrouble(thrown: unknown): string | null {
  return reasons[(thrown as NodeJS.ErrnoException).code ?? ""] ?? null;
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
