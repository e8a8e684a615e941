import { once } from "node:events";
import type { Server } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Caller } from "../../../coordinator/http/access.ts";
import type { LiveEvent } from "../../../coordinator/http/api-types.ts";
import type { LiveClients } from "../../../coordinator/live/clients.ts";
import { createLiveClients } from "../../../coordinator/live/clients.ts";
import { createLogger } from "../../../shared/logger.ts";
import { lookOn } from "../../support/live-client.ts";
import { until } from "../../support/until.ts";

const TOKEN = "wpa_live-token-of-the-tests";
const large: LiveEvent = {
  type: "monitor",
  event: "blip",
  at: "2026-01-31T12:00:00.000Z",
  monitorId: "mon_a",
  monitorName: "x".repeat(100_000),
  data: {},
};

const caller: Caller = { name: "a token", actor: "tok_a", scope: "read" };

let clients: LiveClients;
let server: Server;
let url: string;
const make = (heartbeatMs: number) =>
  createLiveClients({
    callerWith: async (token) => (token === TOKEN ? caller : null),
    logger: createLogger({ level: "silent", name: "test" }),
    heartbeatMs,
  });
beforeEach(async () => {
  clients = make(100);
  server = createServer();
  server.on("upgrade", (request, socket, head) =>
    clients.accept(request, socket, head, request.headers.authorization === `Bearer ${TOKEN}` ? caller : null),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  clients.close();
  server.close();
  server.closeAllConnections();
});

test("one that reads too slowly is cut off, and the others hear everything", async () => {
  // So that it is not for want of a heartbeat.
  clients = make(60_000);
  const [slow, quick] = await Promise.all([lookOn(url, TOKEN), lookOn(url, TOKEN)]);
  await until(
    () => clients.size,
    (size) => size === 2,
  );
  const { _socket } = slow.socket as unknown as { _socket: Socket };
  _socket.pause();
  let told = 0;
  await until(
    async () => {
      clients.broadcast([large]);
      told++;
      return clients.size;
    },
    (size) => size === 1,
    { everyMs: 1 },
  );
  const blips = await until(
    () => quick.heard.filter(({ type }) => type === "monitor").length,
    (count) => count === told,
  );
  expect(blips).toBe(told);
  _socket.resume();
  await slow.closed;
  quick.stop();
});

test("one that does not answer heartbeats is cut off, and one that does is kept", async () => {
  const [dead, alive] = await Promise.all([lookOn(url, TOKEN), lookOn(url, TOKEN)]);
  dead.socket.pong = () => undefined;
  (dead.socket as unknown as { _autoPong: boolean })._autoPong = false;
  expect(await dead.closed).toBe(1006);
  await until(
    () => alive.heard.filter(({ type }) => type === "heartbeat").length,
    (count) => count > 3,
  );
  expect(clients.size).toBe(1);
  alive.stop();
});

test("a browser says its token first: the right one is welcome, others are refused and hear nothing", async () => {
  const browser = await lookOn(url, null);
  clients.broadcast([large]);
  browser.socket.send(JSON.stringify({ type: "hello", token: TOKEN }));
  await until(
    () => browser.heard,
    (heard) => heard.length > 0,
  );
  expect(browser.heard[0]).toEqual({ type: "welcome", v: 1, heartbeatMs: 100 });
  browser.socket.send("again");
  expect(await browser.closed).toBe(1008);

  for (const hello of [`{"type":"hello","token":"other"}`, `{"type":"hello"}`, "nonsense", `{"token":"${TOKEN}"}`]) {
    const stranger = await lookOn(url, null);
    stranger.socket.send(hello);
    expect([hello, await stranger.closed, stranger.heard]).toEqual([hello, 4001, []]);
  }
  const flood = await lookOn(url, null);
  flood.socket.send("x".repeat(5_000));
  expect(await flood.closed).toBe(1009);
});

test("those who say nothing keep nobody out who brought the token", async () => {
  const strangers = await Promise.all(Array.from({ length: 50 }, () => lookOn(url, null)));
  await expect(lookOn(url, null)).rejects.toThrow("503");
  const known = await lookOn(url, TOKEN);
  await until(
    () => known.heard.length,
    (count) => count > 0,
  );
  for (const client of [...strangers, known]) client.stop();
});
