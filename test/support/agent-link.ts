import { once } from "node:events";
import { WebSocket } from "ws";
import type { AgentLoad } from "../../shared/agent-message.ts";
import { LINK_PATH } from "../../shared/link.ts";
import { agentToken } from "./coordinator.ts";

/** An agent's end of a link to a coordinator, that the test plays by hand; not open yet. */
export function agentLink(url: string, token = agentToken, path = LINK_PATH): WebSocket {
  return new WebSocket(url.replace("http", "ws") + path, { headers: { authorization: `Bearer ${token}` } });
}

/** The same, opened. */
export async function openAgentLink(url: string): Promise<WebSocket> {
  const link = agentLink(url);
  await once(link, "open");
  return link;
}

/** What an agent says of itself that has nothing to do. */
export const idle: AgentLoad = {
  inFlight: 0,
  outbox: 0,
  loopDelayMs: 0,
  clockOffsetMs: null,
  clockErrorMs: null,
  lastFetchAgoMs: null,
};
