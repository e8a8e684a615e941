import { type ChildProcess, fork } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";

export interface ForkOptions {
  readonly env: NodeJS.ProcessEnv;
  /** File descriptors for its standard output and error. */
  readonly output: number | "pipe" | "ignore";
  /** Where it runs; default: here. */
  readonly cwd?: string;
  /** Options for Node itself, such as `--cpu-prof`. */
  readonly execArgv?: readonly string[];
}

/**
 * Forks one of our own programs, given without its ending, with an IPC channel
 * whose end tells it to stop. From sources (tests, development) it runs through
 * tsx, from the build as it is. It leads a process group of its own, so that
 * Ctrl-C reaches only us and we stop things in their order.
 */
export function forkProgram(path: URL, { env, output, cwd, execArgv = [] }: ForkOptions): ChildProcess {
  const fromSource = import.meta.url.endsWith(".ts");
  const file = `${fileURLToPath(path)}${fromSource ? ".ts" : ".js"}`;
  return fork(file, {
    env,
    ...(cwd === undefined ? {} : { cwd }),
    execArgv: [...(fromSource ? ["--import", loaderOfSources()] : []), ...execArgv],
    detached: true,
    stdio: ["ignore", output, output, "ipc"],
  });
}

const loaderOfSources = (): string => pathToFileURL(createRequire(import.meta.url).resolve("tsx/esm")).href;
