import { once } from "node:events";
import { WebSocket } from "ws";
import type { LiveEvent } from "../../coordinator/http/api-types.ts";

/** One that looks on. */
export interface LiveClient {
  readonly socket: WebSocket;
  /** All it was told so far. */
  readonly heard: readonly LiveEvent[];
  /** Resolves to the close code. */
  readonly closed: Promise<number>;
  stop(): void;
}

/** Looks on at a coordinator with a token in the header; without one, says nothing of itself. */
export async function lookOn(url: string, token: string | null): Promise<LiveClient> {
  const socket = new WebSocket(`${url.replace("http", "ws")}/v1/live`, {
    headers: token === null ? {} : { authorization: `Bearer ${token}` },
  });
  const heard: LiveEvent[] = [];
  socket.on("message", (data) => heard.push(JSON.parse(String(data))));
  const closed = new Promise<number>((resolve) => socket.on("close", resolve));
  await once(socket, "open");
  return { socket, heard, closed, stop: () => socket.terminate() };
}
