import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { joinSockets } from "./joined-sockets.ts";

/** A TCP way to a server that a test can cut and mend; connections that were open are reset. */
export interface Relay {
  /** The URL with the relay in the server's place. */
  readonly url: string;
  cut(): void;
  mend(): void;
  /** How many connections it has refused because it was cut. */
  refused(): number;
  /** From now on it leads to another server. */
  lead(url: string): void;
  stop(): Promise<void>;
}

/** @param host the address that it listens on. */
export async function startRelay(url: string, host = "127.0.0.1"): Promise<Relay> {
  let target = new URL(url);
  const sockets = new Set<Socket>();
  let whole = true;
  let refused = 0;
  const server = createServer((client) => {
    if (!whole) {
      refused++;
      return client.resetAndDestroy();
    }
    const upstream = connect(Number(target.port), target.hostname);
    joinSockets(client, upstream, sockets);
  });
  server.listen(0, host);
  await once(server, "listening");
  const relayed = new URL(url);
  relayed.hostname = host;
  relayed.port = String((server.address() as AddressInfo).port);
  const cut = () => {
    whole = false;
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    url: relayed.href,
    cut,
    refused: () => refused,
    mend() {
      whole = true;
    },
    lead(to) {
      target = new URL(to);
    },
    async stop() {
      cut();
      server.close();
      await once(server, "close");
    },
  };
}
