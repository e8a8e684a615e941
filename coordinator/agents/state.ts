import type { AgentLoad } from "../../shared/agent-message.ts";
import { OFFLINE_AFTER_MS } from "../../shared/link.ts";

/**
 * What an agent does now: it takes checks (`online`), is about to, may not because its
 * clock cannot be corrected, sees through its last checks before it idles as an operator
 * wishes, idles so, has said that it ends, is not there, or may not come any more.
 */
const agentStates = [
  "online",
  "starting",
  "clock_refused",
  "draining",
  "drained",
  "leaving",
  "offline",
  "revoked",
] as const;
export type AgentState = (typeof agentStates)[number];

/** What is known of an agent; see StoredAgent. */
interface Seen {
  /** Null when it was never seen. */
  readonly seenAgoMs: number | null;
  readonly draining: boolean;
  readonly drainedAt: number | null;
  readonly load: AgentLoad | null;
}

export function stateOf({ seenAgoMs, draining, drainedAt, load }: Seen): AgentState {
  if (seenAgoMs === null || seenAgoMs >= OFFLINE_AFTER_MS) return "offline";
  if (draining) return "leaving";
  if (drainedAt !== null) return load?.work === "idle" ? "drained" : "draining";
  if (load?.clockTrouble) return "clock_refused";
  return takesChecks(load) ? "online" : "starting";
}

/** Whether an agent in this state is there and stays, be it that it takes no checks. */
export function isOnline(state: AgentState): boolean {
  return state !== "offline" && state !== "leaving" && state !== "revoked";
}

/** Whether an agent still counts though it may be gone: not one that was revoked. */
export function isKept(agent: Seen & { readonly credential: "good" | "revoked" | null }): boolean {
  return agent.credential !== "revoked" || stateOf(agent) !== "offline";
}

/** Whether an agent's load says that it takes checks; one that has not told yet is about to. */
export function takesChecks(load: AgentLoad | null): boolean {
  return (load?.work ?? "taking") === "taking";
}

/** An agent with several processes has its own id, and each of them that with a number behind: `ID-2`. */
export function baseOf(agentId: string): string {
  return agentId.replace(/-[1-9]\d?$/, "");
}
