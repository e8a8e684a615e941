import { connect, type Socket } from "node:net";
import { type SecureContext, connect as tlsConnect } from "node:tls";

/**
 * The least that a check can be in Node: a connection, a request written as text, the
 * bytes of the response up to its end, and the time of each step. Nothing is parsed but
 * the status.
 * @param secureContext for TLS; null goes without
 */
export function bareHttp(url: URL, secureContext: SecureContext | null): () => Promise<void> {
  const { hostname: host, host: authority, pathname } = url;
  const port = Number(url.port);
  const request = `GET ${pathname} HTTP/1.1\r\nhost: ${authority}\r\nuser-agent: bare\r\naccept: */*\r\nconnection: close\r\n\r\n`;
  return () =>
    new Promise((resolve, reject) => {
      const times = [performance.now()];
      let response = "";
      const socket: Socket = secureContext
        ? tlsConnect({ host, port, secureContext, servername: "", ALPNProtocols: ["http/1.1"] })
        : connect({ host, port, noDelay: true });
      socket.once(secureContext ? "secureConnect" : "connect", () => {
        times.push(performance.now());
        socket.write(request);
      });
      socket.on("data", (data) => {
        times.push(performance.now());
        response += data.toString("latin1");
      });
      socket.once("end", () => {
        times.push(performance.now());
        socket.destroy();
        if (response.startsWith("HTTP/1.1 200 ")) resolve();
        else reject(new Error(`the target said ${response}`));
      });
      socket.once("error", reject);
    });
}

/** A connection, made and closed. */
export function bareTcp({ hostname: host, port }: URL): () => Promise<void> {
  return () =>
    new Promise((resolve, reject) => {
      const socket = connect({ host, port: Number(port), noDelay: true });
      socket.once("connect", () => {
        socket.destroy();
        resolve();
      });
      socket.once("error", reject);
    });
}
