import { isRefused } from "../shared/queues.ts";

/** The coordinator takes this agent for nobody. */
export class RefusedByCoordinator extends Error {
  override readonly name = "RefusedByCoordinator";
}

/** Whether coordinator or queue server refused the agent itself: it was revoked, say, and not that they are away. */
export function refusesAgent(thrown: unknown): boolean {
  return thrown instanceof RefusedByCoordinator || isRefused(thrown);
}
