import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";

/** Whether a process with this id runs, ours or not; one that only waits to be reaped does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === "EPERM" && !isZombie(pid);
  }
  return !isZombie(pid);
}

function isZombie(pid: number): boolean {
  try {
    // proc(5): the state follows the name, which is in brackets and may itself hold brackets.
    return /\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

/**
 * What tells a process from another that has its id later: when it began, by a
 * clock that runs on over the machine's restarts. Null when there is no such process.
 */
export async function birthOf(pid: number): Promise<string | null> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8");
    // proc(5): field 22, of which the first two end with the name's closing bracket.
    return `${boot.trim()} ${stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]}`;
  } catch {
    return (await ps(pid, "lstart="))?.trim() || null;
  }
}

/** The command line of a process, its arguments parted by blanks; null when it cannot be seen. */
export async function commandLine(pid: number): Promise<string | null> {
  try {
    return (await readFile(`/proc/${pid}/cmdline`, "utf8")).replaceAll("\0", " ");
  } catch {
    return ps(pid, "command=");
  }
}

async function ps(pid: number, column: string): Promise<string | null> {
  try {
    return (await promisify(execFile)("ps", ["-ww", "-o", column, "-p", String(pid)], { timeout: 5_000 })).stdout;
  } catch {
    return null;
  }
}
