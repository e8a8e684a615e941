import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import type { Socket } from "node:net";
import { LINGER_MS } from "./server.ts";

/**
 * A foreign program cannot notice that its parent is gone, so a shell stands
 * guard: it forks a reader of pipe 3 and then becomes the program. The pipe's
 * other end is held by this process alone; should it die, even by SIGKILL, the
 * reader sees the end of the file, lingers, and signals the program. A line on the
 * pipe means that the program has ended already. A frozen program goes on, so that it
 * can obey. The reader is forked twice,
 * because servers such as PostgreSQL wonder about children that they do not know.
 */
const guard = `
signal=$1
shift
( { read -r _ <&3 || { sleep ${LINGER_MS / 1_000}; kill -s "$signal" $$; kill -s CONT $$; }; } </dev/null >/dev/null 2>&1 & )
exec "$@" 3<&-
`;

export interface LeashedCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** What the program is sent when this process dies. */
  readonly signal: "INT" | "TERM";
  readonly options?: SpawnOptions;
  readonly stdout: number | "pipe" | "ignore";
  readonly stdin?: "ignore" | "pipe";
}

/**
 * Starts a foreign program that ends when this process does. It leads a process
 * group of its own, so that Ctrl-C at the terminal reaches only us, and we stop
 * things in their order. Its standard error goes where its standard output goes.
 */
export function spawnLeashed({ command, args, signal, options, stdout, stdin }: LeashedCommand): ChildProcess {
  const child = spawn("/bin/sh", ["-c", guard, "watchpost-guard", signal, command, ...args], {
    ...options,
    detached: true,
    stdio: [stdin ?? "ignore", stdout, stdout, "pipe"],
  });
  const leash = child.stdio[3] as Socket;
  // The pipe breaks when the reader is gone before its line arrives: nothing is left to be told.
  leash.on("error", () => undefined);
  leash.unref();
  child.once("exit", () => leash.end("ended\n"));
  return child;
}
