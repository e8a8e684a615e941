import { once } from "node:events";
import type { RequestListener } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo, Server, Socket } from "node:net";
import { createServer as createTcpServer } from "node:net";

/** A server on a loopback port, which ends with all its connections. */
export interface Target {
  readonly port: number;
  stop(): Promise<void>;
}

async function listen(server: Server): Promise<Target> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** An HTTP server that answers as it is told to. */
export const httpTarget = (answer: RequestListener): Promise<Target> => listen(createServer(answer));

/** A server that takes connections and never says anything. */
export const hangingTarget = (): Promise<Target> => listen(createTcpServer());
