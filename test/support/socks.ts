import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { joinSockets } from "./joined-sockets.ts";

/**
 * A SOCKS proxy (RFC 1928) at a Unix socket, which leads to this machine's own ports, whichever address is asked for.
 * @param path where it listens; all who may open it may use it.
 */
export async function startSocksProxy(path: string): Promise<{ stop(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    sockets.add(client);
    client.on("error", () => client.destroy());
    serve(client, sockets).catch(() => client.destroy());
  });
  server.listen(path);
  await once(server, "listening");
  return {
    async stop() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, "close");
    },
  };
}

async function serve(client: Socket, sockets: Set<Socket>): Promise<void> {
  // Version 5, and whatever ways to say who one is: none is asked for.
  const [, ways = 0] = await read(client, 2);
  await read(client, ways);
  client.write(Buffer.of(5, 0));
  // CONNECT to an IPv4 address, a name or an IPv6 address.
  const [, , , kind] = await read(client, 4);
  const [length = 0] = kind === 3 ? await read(client, 1) : [kind === 1 ? 4 : 16];
  await read(client, length);
  const port = (await read(client, 2)).readUInt16BE();
  const upstream = connect(port, "127.0.0.1");
  sockets.add(upstream);
  try {
    await once(upstream, "connect");
  } catch {
    client.end(Buffer.of(5, 5, 0, 1, 0, 0, 0, 0, 0, 0));
    return;
  }
  client.write(Buffer.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0));
  joinSockets(client, upstream, sockets);
}

async function read(socket: Socket, length: number): Promise<Buffer> {
  if (length === 0) return Buffer.alloc(0);
  for (;;) {
    const bytes = socket.read(length) as Buffer | null;
    if (bytes !== null) return bytes;
    await once(socket, "readable");
    if (socket.readableEnded) throw new Error("the client has left");
  }
}
