import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { ConfigError } from "../../../shared/errors.ts";
import { birthOf, isAlive } from "../../embedded/process-table.ts";

export interface Lock {
  /** Whether an earlier holder did not release it: its children may still be ending. */
  readonly wasLeft: boolean;
  release(): Promise<void>;
}

interface Holder {
  readonly pid: number;
  /** Tells the holder from another process that has its id later. */
  readonly birth: string | null;
}

/**
 * Takes the lock file `path` for this process. One that a killed process left is
 * taken over, because it names its holder. The file appears whole (link(2)) and is
 * taken over by rename(2), so of several that try at once one wins.
 * @throws ConfigError when a living process holds it.
 */
export async function takeLock(path: string): Promise<Lock> {
  const own = `${path}.${process.pid}`;
  const text = JSON.stringify({ pid: process.pid, birth: await birthOf(process.pid) } satisfies Holder);
  let wasLeft = false;
  await writeFile(own, text, { mode: 0o600 });
  try {
    while (!(await linked(own, path))) {
      const left = await readFile(path, "utf8").catch(() => null);
      if (left === null) continue;
      const holder = holderIn(left);
      if (holder !== null && (await lives(holder))) {
        throw new ConfigError(
          `the data directory is in use by process ${holder.pid}: stop that one first, or set WATCHPOST_DATA`,
        );
      }
      wasLeft = true;
      await takeAway(path, left, `${own}.left`);
    }
  } finally {
    await rm(own, { force: true });
  }
  return { wasLeft, release: () => rm(path, { force: true }) };
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw thrown;
  }
}

/** Removes the lock if it still says `left`. When somebody was faster, theirs is put back. */
async function takeAway(path: string, left: string, aside: string): Promise<void> {
  await rename(path, aside).catch(() => undefined);
  if ((await readFile(aside, "utf8").catch(() => left)) !== left) await linked(aside, path);
  await rm(aside, { force: true });
}

function holderIn(text: string): Holder | null {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const lives = async ({ pid, birth }: Holder): Promise<boolean> => isAlive(pid) && (await birthOf(pid)) === birth;
