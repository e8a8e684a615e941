import { startProgram } from "./program.ts";
import type { Scope } from "./scope.ts";

/** What is checked: an HTTP server on loopback that costs next to nothing, in a process of its own. */
export interface Target {
  readonly url: string;
  readonly pid: number;
}

export async function startTarget(scope: Scope, dir: string): Promise<Target> {
  const program = scope.add(
    startProgram(new URL("./target-program", import.meta.url), { logFile: `${dir}/target.log` }),
  );
  const { port } = await program.message<{ port: number }>();
  return { url: `http://127.0.0.1:${port}/`, pid: program.pid };
}
