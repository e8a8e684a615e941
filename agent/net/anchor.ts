import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect, isIP } from "node:net";
import type { Resolve } from "./resolve.ts";

/** A place of the operator's choice that is up whenever the agent's network is. */
export interface Anchor {
  /** As it was configured. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** It has to answer a request; null where a connection, or its refusal, is answer enough. */
  readonly url: URL | null;
}

/**
 * Reads `host:port`, `[address]:port` or an http(s) URL.
 * @throws Error that says what it must be, without quoting it: a URL may hold a password.
 */
export function parseAnchor(text: string): Anchor {
  const isUrl = /^https?:\/\//i.test(text);
  if (!URL.canParse(isUrl ? text : `tcp://${text}`)) throw new Error("must be host:port or http(s) URLs");
  const url = new URL(isUrl ? text : `tcp://${text}`);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = Number(url.port || (url.protocol === "https:" ? 443 : isUrl ? 80 : 0));
  const isBare = isUrl || (url.pathname === "" && url.search === "" && url.hash === "");
  if (host === "" || port === 0 || !isBare || url.username !== "") {
    throw new Error("must be host:port or http(s) URLs, without a user name");
  }
  return { name: `${host}:${port}`, host, port, url: isUrl ? url : null };
}

/**
 * Resolves when an anchor answers: a URL with any status, a port with a connection or
 * with its refusal, which tells of the way there just as well.
 * @throws what went wrong, also when `signal` aborts.
 */
export async function reach(anchor: Anchor, resolve: Resolve, signal: AbortSignal): Promise<void> {
  const [address] = await resolve(anchor.host, "any");
  if (address === undefined) throw new Error("the name has no address");
  signal.throwIfAborted();
  return anchor.url ? respond(anchor.url, address, anchor.port, signal) : touch(address, anchor.port, signal);
}

function respond(url: URL, address: string, port: number, signal: AbortSignal): Promise<void> {
  return new Promise((done, reject) => {
    const request = url.protocol === "https:" ? httpsRequest : httpRequest;
    const name = url.hostname.replace(/^\[|\]$/g, "");
    const sent = request({
      method: "HEAD",
      host: address,
      port,
      path: url.pathname + url.search,
      headers: { host: url.host, connection: "close" },
      ...(isIP(name) === 0 && { servername: name }),
      agent: false,
      signal,
    });
    sent.on("response", (response) => {
      response.destroy();
      done();
    });
    sent.on("error", reject);
    sent.end();
  });
}

/** Resolves when something answers at a port, be it with a refusal. */
export function touch(address: string, port: number, signal: AbortSignal): Promise<void> {
  return new Promise((done, reject) => {
    const socket = connect({ host: address, port, signal });
    socket.on("connect", () => {
      socket.destroy();
      done();
    });
    socket.on("error", (thrown: NodeJS.ErrnoException) => {
      if (thrown.code === "ECONNREFUSED" || thrown.code === "ECONNRESET") done();
      else reject(thrown);
    });
  });
}
