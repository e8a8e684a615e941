import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { RawData, WebSocket } from "ws";
import { WebSocketServer } from "ws";
import { errorText } from "../../shared/errors.ts";
import { CLOSE_REFUSED } from "../../shared/link.ts";
import type { Logger } from "../../shared/logger.ts";
import type { Caller } from "../http/access.ts";
import type { LiveEvent } from "../http/api-types.ts";

/** Where people and programs look on, as a path of the HTTP server. */
export const LIVE_PATH = "/v1/live";
/** How often a client is asked whether it lives, and told that the coordinator does, in ms. */
const HEARTBEAT_MS = 15_000;
/** How long a client that brought no header may take to say its token, in ms. */
const HELLO_MS = 5_000;
/** So much may wait for a client that reads slowly, in bytes; then it is cut off, and may come back. */
const MAX_WAITING_BYTES = 1_048_576;
const MAX_CLIENTS = 500;
/** So many may be about to say their token: they keep nobody out who brought it in the header. */
const MAX_UNKNOWN = 50;
/** A token and little else. */
const MAX_MESSAGE_BYTES = 2_048;
/** RFC 6455 §7.4.1 and IANA's registry: the endpoint is going away; the client broke the rules; later it may go. */
const CLOSE_GOING_AWAY = 1001;
const CLOSE_POLICY = 1008;
const CLOSE_TRY_AGAIN = 1013;

export interface LiveClients {
  /** Takes over an HTTP upgrade. A caller that is not known by its header, null, has to say its token first. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer, caller: Caller | null): void;
  /** Whose tokens those who look on came with. */
  actors(): string[];
  /** Ends the connections of a token that is good no more. */
  cut(actor: string): void;
  broadcast(events: readonly LiveEvent[]): void;
  /** How many look on. */
  readonly size: number;
  close(): void;
}

/** Those who look on, each with a bounded share of memory: who is silent, or too slow, is cut off. */
export function createLiveClients({
  callerWith,
  logger,
  heartbeatMs = HEARTBEAT_MS,
}: {
  readonly callerWith: (token: string) => Promise<Caller | null>;
  readonly logger: Logger;
  readonly heartbeatMs?: number;
}): LiveClients {
  const server = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES, perMessageDeflate: false });
  /** Those who look on, and with whose token. */
  const audience = new Map<WebSocket, string>();

  function send(client: WebSocket, text: string): void {
    if (client.bufferedAmount > MAX_WAITING_BYTES) {
      logger.warn({ waiting: client.bufferedAmount }, "Cut off a live client that reads too slowly");
      audience.delete(client);
      client.terminate();
    } else {
      client.send(text);
    }
  }

  function admit(client: WebSocket, { actor }: Caller): void {
    audience.set(client, actor);
    send(client, JSON.stringify({ type: "welcome", v: 1, heartbeatMs } satisfies LiveEvent));
  }

  function serve(client: WebSocket, known: Caller | null): void {
    let alive = true;
    let hasSpoken = known !== null;
    const patience = setTimeout(() => client.close(CLOSE_REFUSED, "no hello within 5 s"), HELLO_MS);
    const heart = setInterval(() => {
      if (!alive) return client.terminate();
      alive = false;
      client.ping();
      if (audience.has(client)) send(client, JSON.stringify({ type: "heartbeat" } satisfies LiveEvent));
    }, heartbeatMs);
    client.on("pong", () => {
      alive = true;
    });
    client.on("message", (data: RawData) => {
      if (hasSpoken) return client.close(CLOSE_POLICY, "nothing is to be said here");
      hasSpoken = true;
      callerWith(tokenOf(data)).then(
        (caller) => {
          clearTimeout(patience);
          if (client.readyState !== client.OPEN) return;
          if (caller === null) client.close(CLOSE_REFUSED, "the token is not accepted");
          else admit(client, caller);
        },
        (thrown) => {
          logger.warn({ reason: errorText(thrown) }, "A live client's token could not be checked");
          client.close(CLOSE_TRY_AGAIN, "the token cannot be checked now");
        },
      );
    });
    client.on("error", (thrown) => logger.debug({ reason: errorText(thrown) }, "A live client's connection broke"));
    client.on("close", () => {
      clearTimeout(patience);
      clearInterval(heart);
      audience.delete(client);
    });
    if (known === null) return;
    clearTimeout(patience);
    admit(client, known);
  }

  return {
    accept(request, socket, head, caller) {
      const unknown = server.clients.size - audience.size;
      if (audience.size >= MAX_CLIENTS || (caller === null && unknown >= MAX_UNKNOWN))
        return void socket.end("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n");
      server.handleUpgrade(request, socket, head, (client) => serve(client, caller));
    },
    actors: () => [...new Set(audience.values())],
    cut(actor) {
      for (const [client, whose] of audience) {
        if (whose === actor) client.close(CLOSE_REFUSED, "the token is not accepted any more");
      }
    },
    broadcast(events) {
      for (const text of events.map((event) => JSON.stringify(event))) {
        for (const client of audience.keys()) send(client, text);
      }
    },
    get size() {
      return audience.size;
    },
    close() {
      for (const client of server.clients) {
        client.close(CLOSE_GOING_AWAY, "the coordinator is stopping");
        setTimeout(() => client.terminate(), 1_000).unref();
      }
    },
  };
}

/** The token of `{ "type": "hello", "token": … }`; empty of anything else. */
function tokenOf(data: RawData): string {
  try {
    const { type, token } = JSON.parse(String(data));
    return type === "hello" && typeof token === "string" ? token : "";
  } catch {
    return "";
  }
}
