import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ConfigError } from "../../shared/errors.ts";
import { commandLine, isAlive } from "./process-table.ts";

/** Fast shutdown, immediate shutdown (recovery at the next start; nothing committed is lost), the end. Patience in ms. */
const steps = [
  ["SIGINT", 5_000],
  ["SIGQUIT", 3_000],
  ["SIGKILL", 2_000],
] as const;
const LOOK_EVERY_MS = 20;

/**
 * Clears the way for a new server after one that was not stopped: ends it if it
 * still runs, and removes its `postmaster.pid` if its process id belongs to
 * somebody else by now, which PostgreSQL would take for a running server.
 */
export async function clearLeftover(cluster: string): Promise<void> {
  const pidFile = join(cluster, "postmaster.pid");
  const text = await readFile(pidFile, "utf8").catch(() => null);
  if (text === null) return;
  const pid = Number(text.split("\n")[0]);
  if (Number.isInteger(pid) && pid > 1 && isAlive(pid)) {
    const command = await commandLine(pid);
    if (command?.includes(cluster)) {
      await end(pid);
      if (isAlive(pid))
        throw new ConfigError(`a PostgreSQL server (process ${pid}) holds ${cluster} and does not stop`);
    }
  }
  await rm(pidFile, { force: true });
}

async function end(pid: number): Promise<void> {
  for (const [signal, patienceMs] of steps) {
    try {
      process.kill(pid, signal);
    } catch {
      return;
    }
    for (let waited = 0; waited < patienceMs; waited += LOOK_EVERY_MS) {
      if (!isAlive(pid)) return;
      await sleep(LOOK_EVERY_MS);
    }
  }
}
