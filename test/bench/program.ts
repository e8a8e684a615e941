import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { endOf, lastWords, stopChild } from "../../coordinator/embedded/child-end.ts";
import { forkProgram } from "../../coordinator/embedded/fork-program.ts";
import { withDeadline } from "../../shared/lifecycle.ts";

/** One of our own programs in a process of its own. */
export interface Program {
  readonly pid: number;
  /** The next message that it sends. @throws Error with its last words when it ends instead. */
  message<T>(withinMs?: number): Promise<T>;
  send(message: object): void;
  stop(): Promise<void>;
}

/** @param file the program without its ending */
export function startProgram(
  file: URL,
  {
    env = {},
    logFile,
    profileDir,
    execArgv = [],
  }: {
    env?: NodeJS.ProcessEnv;
    logFile: string;
    profileDir?: string | undefined;
    /** Options for Node itself. */
    execArgv?: readonly string[] | undefined;
  },
): Program {
  const log = openSync(logFile, "a", 0o600);
  const profiling = profileDir === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profileDir}`];
  const child = forkProgram(file, {
    env: { PATH: process.env.PATH, ...env },
    output: log,
    execArgv: [...execArgv, ...profiling],
  });
  closeSync(log);
  const ended = endOf(child);
  return {
    pid: child.pid as number,
    async message<T>(withinMs = 30_000) {
      const said = once(child, "message").then(([message]) => message as T);
      const gone = ended.then(async (end): Promise<never> => {
        throw new Error(`${file.pathname} ended (${end}): ${await lastWords(logFile)}`);
      });
      return withDeadline(Promise.race([said, gone]), withinMs, `${file.pathname} said nothing`);
    },
    send: (message) => void child.send(message),
    stop: () => stopChild(child, "SIGTERM", 10_000),
  };
}
