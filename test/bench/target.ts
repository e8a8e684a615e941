import { startProgram } from "./program.ts";
import type { Scope } from "./scope.ts";
import type { TargetPorts } from "./target-program.ts";

/** What is checked: a server on loopback that costs next to nothing, in a process of its own. */
export interface Target {
  readonly url: string;
  /** The same over TLS 1.3, with a key on P-256. */
  readonly secureUrl: string;
  /** Who vouches for its certificate. */
  readonly authority: string;
  readonly pid: number;
}

export async function startTarget(scope: Scope, dir: string): Promise<Target> {
  const program = scope.add(
    startProgram(new URL("./target-program", import.meta.url), { logFile: `${dir}/target.log` }),
  );
  const { port, securePort, authority } = await program.message<TargetPorts>();
  return {
    url: `http://127.0.0.1:${port}/`,
    secureUrl: `https://127.0.0.1:${securePort}/`,
    authority,
    pid: program.pid,
  };
}
