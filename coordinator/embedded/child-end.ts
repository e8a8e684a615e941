import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";

/** Resolves when a child is gone, be it already, with how: `exit code 1`, `signal SIGKILL`, or why it could not be started. */
export function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    const tell = (code: number | null, signal: NodeJS.Signals | null) =>
      resolve(signal ? `signal ${signal}` : `exit code ${code}`);
    if (child.pid !== undefined && !isRunning(child)) tell(child.exitCode, child.signalCode);
    child.once("exit", tell);
    child.once("error", (thrown) => child.pid === undefined && resolve(thrown.message));
  });
}

export function isRunning(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

/** Asks a child with `signal` to stop, kills it when it has not within `patienceMs`, and resolves when it is gone. */
export async function stopChild(child: ChildProcess, signal: NodeJS.Signals, patienceMs: number): Promise<void> {
  if (!isRunning(child)) return;
  const gone = once(child, "exit");
  const patience = setTimeout(() => child.kill("SIGKILL"), patienceMs);
  child.kill(signal);
  await gone;
  clearTimeout(patience);
}

/** The last lines of a log file on one line, for an error about the program that wrote it. */
export async function lastWords(logFile: string, lines = 3): Promise<string> {
  const text = await readFile(logFile, "utf8").catch(() => "");
  return text.trim().split("\n").slice(-lines).join(" | ").slice(-600);
}
