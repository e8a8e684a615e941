import type { WebSocket } from "ws";
import type { CoordinatorMessage } from "../../shared/agent-message.ts";
import { CLOSE_REFUSED } from "../../shared/link.ts";

/** How long the other side has to agree to an end, in ms. */
const FAREWELL_MS = 1_000;

/** The enrolled agents that are linked to this coordinator, and the way to speak to them. */
export interface LinkedAgents {
  /** An agent has opened a link; one with several processes has several. */
  join(agentId: string, link: WebSocket): void;
  leave(agentId: string, link: WebSocket): void;
  isLinked(agentId: string): boolean;
  /** Says something to an agent, to each of its processes; false when it is not linked here. */
  tell(agentId: string, message: CoordinatorMessage): boolean;
  /** Ends the links of an agent that has been revoked. */
  cut(agentId: string): void;
}

export function createLinkedAgents(): LinkedAgents {
  const links = new Map<string, Set<WebSocket>>();
  return {
    join(agentId, link) {
      const own = links.get(agentId) ?? new Set();
      links.set(agentId, own.add(link));
    },
    leave(agentId, link) {
      const own = links.get(agentId);
      own?.delete(link);
      if (own?.size === 0) links.delete(agentId);
    },
    isLinked: (agentId) => links.has(agentId),
    tell(agentId, message) {
      const open = [...(links.get(agentId) ?? [])].filter((link) => link.readyState === link.OPEN);
      for (const link of open) link.send(JSON.stringify(message));
      return open.length > 0;
    },
    cut(agentId) {
      for (const link of links.get(agentId) ?? []) endLink(link, CLOSE_REFUSED, "this agent has been revoked");
    },
  };
}

/** Ends a link; one whose other side does not agree in time is broken off. */
export function endLink(link: WebSocket, code: number, reason: string): void {
  link.close(code, reason);
  setTimeout(() => link.terminate(), FAREWELL_MS).unref();
}
