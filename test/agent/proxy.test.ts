import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { throughProxy } from "../../agent/proxy.ts";
import { testAuthority } from "../support/certificates.ts";
import { startProxy } from "../support/proxy.ts";

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
const isKnownToNode = major > 24 || (major === 24 && minor >= 5);

const stops: Array<() => unknown> = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

async function world() {
  const authority = testAuthority();
  const server = createServer(authority.issue());
  new WebSocketServer({ server }).on("connection", (socket) => socket.send("hello"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  stops.push(() => {
    server.close();
    server.closeAllConnections();
  });
  const proxy = await startProxy();
  stops.push(proxy.stop);
  const port = (server.address() as AddressInfo).port;
  const greeting = async (env: NodeJS.ProcessEnv) => {
    const url = `wss://localhost:${port}/`;
    const socket = new WebSocket(url, { ca: authority.cert, ...throughProxy(url, env) });
    stops.unshift(() => socket.terminate());
    const [text] = await once(socket, "message");
    return String(text);
  };
  return { proxy, port, greeting };
}

test.runIf(isKnownToNode)("a WebSocket goes through the proxy of the environment", async () => {
  const { proxy, port, greeting } = await world();
  expect(await greeting({ https_proxy: proxy.url })).toBe("hello");
  expect(proxy.tunnels).toEqual([`localhost:${port}`]);
});

test("not where the environment names none, or excepts the address", async () => {
  const { proxy, greeting } = await world();
  expect(await greeting({ http_proxy: proxy.url })).toBe("hello");
  expect(await greeting({ https_proxy: proxy.url, no_proxy: "localhost" })).toBe("hello");
  expect(proxy.tunnels).toEqual([]);
});

test("what is not HTTPS has no proxy", () => {
  expect(throughProxy("ws://localhost/", { https_proxy: "http://127.0.0.1:9" })).toEqual({});
});
