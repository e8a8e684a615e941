import { readdirSync, readFileSync } from "node:fs";

/** proc(5) counts in USER_HZ, which is 100 a second on every platform that Node runs on. */
const TICK_MS = 10;

interface Process {
  readonly parent: number;
  /** With that of its children that have ended and been waited for. */
  readonly cpuMs: number;
}

/** The CPU time of every process at one moment, to ±10 ms. Linux only. */
export interface CpuTimes {
  /** User and system time of a process and all its descendants, gone ones included, in ms. */
  ofTree(root: number): number;
  /** What all cores of the machine have spent on anything, in ms. */
  readonly machineMs: number;
}

export function readCpuTimes(): CpuTimes {
  const processes = readProcesses();
  const children = new Map<number, number[]>();
  for (const [pid, { parent }] of processes) children.set(parent, [...(children.get(parent) ?? []), pid]);

  function ofTree(root: number): number {
    const own = processes.get(root)?.cpuMs ?? 0;
    return (children.get(root) ?? []).reduce((sum, child) => sum + ofTree(child), own);
  }
  return { ofTree, machineMs: readMachineMs() };
}

function readProcesses(): Map<number, Process> {
  const found = new Map<number, Process>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const process = readProcess(name);
    if (process) found.set(Number(name), process);
  }
  return found;
}

/** Null when the process has ended meanwhile. */
function readProcess(pid: string): Process | null {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return null;
  }
  // Field 3 follows the name, which is in brackets and may itself hold brackets.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [utime, stime, ofGoneChildren, inKernelForThem] = fields.slice(11, 15).map(Number) as [
    number,
    number,
    number,
    number,
  ];
  return { parent: Number(fields[1]), cpuMs: (utime + stime + ofGoneChildren + inKernelForThem) * TICK_MS };
}

/** User, nice, system, irq, softirq and steal; not idle nor waiting for disks. */
function readMachineMs(): number {
  const line = readFileSync("/proc/stat", "latin1").split("\n", 1)[0] ?? "";
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line.split(/\s+/).slice(1).map(Number);
  return (user + nice + system + irq + softirq + steal) * TICK_MS;
}
