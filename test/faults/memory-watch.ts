import { readFileSync } from "node:fs";

/** The resident memory of a process, in MB, as Linux has it. */
export function residentMb(pid: number): number {
  const [, pages] = readFileSync(`/proc/${pid}/statm`, "utf8").split(" ");
  return (Number(pages) * 4_096) / 2 ** 20;
}

/** How the resident memory of processes goes on, in MB. */
export interface MemoryWatch {
  /** The highest so far, by name. */
  highest(): Record<string, number>;
  /** One line per process: at most so many samples, evenly spread, each the highest of its time. */
  curves(points?: number): string;
  stop(): void;
}

/** @param pids of the processes, by name */
export function watchMemory(pids: Readonly<Record<string, number>>, everyMs = 1_000): MemoryWatch {
  const samples = Object.keys(pids).map((name) => ({ name, seen: [] as number[] }));
  const sample = (): void => {
    for (const { name, seen } of samples) seen.push(residentMb(pids[name] as number));
  };
  sample();
  const timer = setInterval(sample, everyMs);
  return {
    highest: () => Object.fromEntries(samples.map(({ name, seen }) => [name, Math.max(...seen)])),
    curves: (points = 24) =>
      samples
        .map(({ name, seen }) => {
          const each = Math.ceil(seen.length / points);
          const tops = Array.from({ length: Math.ceil(seen.length / each) }, (_, n) =>
            Math.round(Math.max(...seen.slice(n * each, (n + 1) * each))),
          );
          return `${name}: ${tops.join(" ")} MB, one per ${(each * everyMs) / 1_000} s`;
        })
        .join("\n"),
    stop: () => clearInterval(timer),
  };
}
