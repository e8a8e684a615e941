import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** Resolves when a child is gone, with how: `exit code 1`, `signal SIGKILL`, or why it could not be started. */
export function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once("exit", (code, signal) => resolve(signal ? `signal ${signal}` : `exit code ${code}`));
    child.once("error", (thrown) => child.pid === undefined && resolve(thrown.message));
  });
}

export function isRunning(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

/** Sends one signal after the other, each with its patience in ms, until the child is gone; SIGKILL comes last. */
export async function stopChild(
  child: ChildProcess,
  steps: ReadonlyArray<readonly [signal: NodeJS.Signals, patienceMs: number]>,
): Promise<void> {
  for (const [signal, patienceMs] of [...steps, ["SIGKILL", 2_000] as const]) {
    if (!isRunning(child)) return;
    const patience = new AbortController();
    child.kill(signal);
    await Promise.race([
      once(child, "exit", { signal: patience.signal }).catch(() => undefined),
      sleep(patienceMs, undefined, { signal: patience.signal }).catch(() => undefined),
    ]);
    patience.abort();
  }
}

/** The last lines of a log file on one line, for an error about the program that wrote it. */
export async function lastWords(logFile: string, lines = 3): Promise<string> {
  const text = await readFile(logFile, "utf8").catch(() => "");
  return text.trim().split("\n").slice(-lines).join(" | ").slice(-600);
}
