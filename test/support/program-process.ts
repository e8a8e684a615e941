import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { freeze } from "./freeze.ts";

/** One of the built programs in a process of its own. */
export interface ProgramProcess {
  readonly pid: number;
  /** All that it wrote so far. */
  output(): string;
  /** Its exit code when it has ended, null when a signal ended it. */
  readonly exited: Promise<number | null>;
  /** Ends it by a signal and resolves to its exit code, null when the signal ended it. */
  end(signal: "SIGTERM" | "SIGKILL"): Promise<number | null>;
  freeze(): void;
  thaw(): void;
}

/**
 * @param program its path below `dist`, such as `agent/main.js`.
 * @param execArgv options for Node itself
 * @param prefix a command that becomes Node, such as one that enters a namespace
 */
export function startProgram(
  program: string,
  env: NodeJS.ProcessEnv,
  execArgv: readonly string[] = [],
  prefix: readonly string[] = [],
): ProgramProcess {
  const [execPath = process.execPath, ...before] = [...prefix, process.execPath, ...execArgv];
  const child = fork(fileURLToPath(new URL(`../../dist/${program}`, import.meta.url)), {
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    env: { PATH: process.env.PATH, ...env },
    execPath,
    execArgv: before,
  });
  return watch(child);
}

/** Any executable, in a process of its own. */
export function startExecutable(file: string, args: readonly string[], env: NodeJS.ProcessEnv): ProgramProcess {
  return watch(spawn(file, args, { stdio: ["ignore", "pipe", "pipe"], env: { PATH: process.env.PATH, ...env } }));
}

function watch(child: ChildProcess): ProgramProcess {
  let output = "";
  let thaw = (): void => undefined;
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (data) => (output += data));
  const exited = once(child, "close").then(([code]) => code as number | null);
  return {
    pid: child.pid as number,
    output: () => output,
    exited,
    end(signal) {
      child.kill(signal);
      return exited;
    },
    freeze() {
      thaw = freeze(child);
    },
    thaw: () => thaw(),
  };
}
