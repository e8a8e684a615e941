import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import type { AgentMessage } from "../../shared/agent-message.ts";
import { agentMessage } from "../../shared/agent-message.ts";
import { systemClock } from "../../shared/clock.ts";
import { LINK_PATH } from "../../shared/link.ts";

/** The coordinator's end of the links, which the test can make misbehave. */
export interface LinkServer {
  readonly url: string;
  readonly port: number;
  /** Everything that agents said; all of it fits the schema. */
  readonly messages: AgentMessage[];
  /** How many times an agent came. */
  readonly comings: number;
  readonly behaviour: {
    /** What agents have to present. */
    token: string;
    /** An HTTP status in place of the upgrade. */
    status: number | null;
    /** A close code in answer to hello. */
    closeHello: number | null;
    /** How far this end's clock is ahead, in ms. */
    clockAheadMs: number;
    /** Whether agents are told at their welcome that they are drained. */
    drained: boolean;
  };
  /** Says something to every linked agent. */
  say(message: unknown): void;
  /** Breaks every link without a goodbye. */
  breakLinks(): void;
  stop(): Promise<void>;
}

export async function startLinkServer(token: string, port = 0): Promise<LinkServer> {
  const messages: AgentMessage[] = [];
  const behaviour: LinkServer["behaviour"] = { token, status: null, closeHello: null, clockAheadMs: 0, drained: false };
  let comings = 0;
  const server = createServer();
  const links = new WebSocketServer({ noServer: true });
  // As fine as the agent's: a whole ms that passes within an exchange would be longer than the exchange.
  const clock = systemClock();
  const now = () => clock.now() + behaviour.clockAheadMs;
  const say = (socket: WebSocket, message: unknown) => socket.send(JSON.stringify(message));

  server.on("upgrade", (request, socket, head) => {
    comings++;
    const authorized = request.headers.authorization === `Bearer ${behaviour.token}`;
    const status = behaviour.status ?? (authorized ? null : 401);
    if (request.url !== LINK_PATH || status !== null) {
      socket.end(`HTTP/1.1 ${status ?? 404} No\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    links.handleUpgrade(request, socket, head, (link) => {
      link.on("message", (data) => {
        const t1 = now();
        const message = agentMessage.parse(JSON.parse(String(data)));
        messages.push(message);
        if (message.type === "hello") {
          if (behaviour.closeHello !== null) link.close(behaviour.closeHello, "no such region");
          else say(link, { type: "welcome", v: 1, drained: behaviour.drained });
        }
        if (message.type === "clock") say(link, { type: "clock", t0: message.t0, t1, t2: now() });
      });
    });
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const taken = (server.address() as AddressInfo).port;
  return {
    url: `http://127.0.0.1:${taken}`,
    port: taken,
    messages,
    get comings() {
      return comings;
    },
    behaviour,
    say(message) {
      for (const link of links.clients) say(link, message);
    },
    breakLinks() {
      for (const link of links.clients) link.terminate();
    },
    async stop() {
      for (const link of links.clients) link.terminate();
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
