import { observe } from "../net/attempt.ts";
import type { Connect } from "../net/connect.ts";
import type { Probe } from "./probe.ts";

/** Whether a TCP connection can be made. Nothing is sent. */
export function createTcpProbe(deps: { readonly connect: Connect; readonly monotonic: () => number }): Probe<"tcp"> {
  return ({ tcp, timeoutMs }) =>
    observe(timeoutMs, deps.monotonic, async (attempt) => {
      (await deps.connect(tcp, attempt)).destroy();
    });
}
