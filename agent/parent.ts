import type { Supervisor } from "../shared/systemd.ts";

/** A process that has not been alive for so long is ended by its parent, in ms. */
export const PATIENCE_MS = 30_000;
/** What a process says to its parent of several. */
export const ALIVE = { type: "alive" } as const;

/** The parent that forked this process as one of several agents; null when there is none. */
export function parentOf(child: Pick<NodeJS.Process, "connected" | "send">): Supervisor | null {
  if (!child.connected) return null;
  return {
    patienceMs: PATIENCE_MS,
    async tell({ alive }) {
      if (alive && child.connected) child.send?.(ALIVE);
    },
  };
}
