import { open, rename, unlink } from "node:fs/promises";
import { join } from "node:path";

/** What the name of a file ends with that is not whole yet; one that is found later was left by a process that was killed. */
export const PART = ".part";

/**
 * Writes a file of mode 0600 that is there and whole when this resolves, also after
 * the power has failed, and of which otherwise nothing is there under its name: it is
 * written aside, synced and renamed (fsync(2), rename(2)).
 * @throws Error of the file system, such as ENOSPC; nothing is left behind then.
 */
export async function writeDurably(dir: string, name: string, text: string): Promise<void> {
  const part = join(dir, name + PART);
  try {
    const file = await open(part, "w", 0o600);
    try {
      await file.writeFile(text);
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(part, join(dir, name));
  } catch (thrown) {
    await unlink(part).catch(() => undefined); // Half of it on a full disk, or nothing at all.
    throw thrown;
  }
  // The rename itself is durable only with the directory.
  const directory = await open(dir, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
