import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import type { TlsOptions } from "node:tls";
import { spawnLeashed } from "../../coordinator/embedded/leash.ts";

/** Something on loopback that checks can be pointed at. */
export interface Target {
  readonly host: string;
  readonly port: number;
  /** How many connections were made to it. */
  readonly connections: number;
  stop(): Promise<void>;
}

/** An HTTP server; with `tls`, an HTTPS server. */
export const httpTarget = (listener: RequestListener, tls?: TlsOptions, host?: string): Promise<Target> =>
  listening(tls ? createHttpsServer(tls, listener) : createHttpServer(listener), host);

/** Takes connections and does with each what it is told. */
export const tcpTarget = (serve: (socket: Socket) => void, host?: string, port?: number): Promise<Target> =>
  listening(createServer(serve), host, port);

/** Takes connections and never says a word. */
export const hangingTarget = (): Promise<Target> => tcpTarget(() => undefined);

/** Answers every connection with these bytes, whatever it is sent, and leaves it open unless told to end it. */
export const rawTarget = (bytes: string | Buffer, options: { readonly end?: boolean } = {}): Promise<Target> =>
  tcpTarget((socket) => {
    socket.once("data", () => (options.end ? socket.end(bytes) : socket.write(bytes)));
  });

async function listening(server: Server, host = "127.0.0.1", port = 0): Promise<Target> {
  const sockets = new Set<Socket>();
  let connections = 0;
  server.on("connection", (socket: Socket) => {
    connections++;
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => sockets.delete(socket));
  });
  server.on("tlsClientError", () => undefined);
  server.listen(port, host);
  await once(server, "listening");
  return {
    host,
    port: (server.address() as AddressInfo).port,
    get connections() {
      return connections;
    },
    async stop() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** A port of 127.0.0.1 that nothing listens on. */
export async function refusingPort(): Promise<number> {
  const target = await hangingTarget();
  await target.stop();
  return target.port;
}

/**
 * A port that lets connections hang: its process is frozen and its backlog is
 * full, so the kernel drops every further SYN.
 */
export async function unacceptingTarget(): Promise<Target> {
  const listen = `require("net").createServer().listen({port:0,host:"127.0.0.1",backlog:1},function(){console.log(this.address().port)})`;
  const child = spawnLeashed({ command: process.execPath, args: ["-e", listen], signal: "TERM", stdout: "pipe" });
  const [line] = await once(child.stdout as NonNullable<ChildProcess["stdout"]>, "data");
  const port = Number(String(line));
  child.kill("SIGSTOP");
  // A backlog of n takes n + 1 connections; that many and a few more fill it.
  const fillers = Array.from({ length: 4 }, () => connect(port, "127.0.0.1").on("error", () => undefined));
  await Promise.all(fillers.slice(0, 2).map((socket) => once(socket, "connect")));
  return {
    host: "127.0.0.1",
    port,
    connections: 0,
    async stop() {
      for (const socket of fillers) socket.destroy();
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
    },
  };
}
