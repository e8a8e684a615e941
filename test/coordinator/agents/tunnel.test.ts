import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from "node:net";
import { Redis, type RedisOptions } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { createTunnelConnector } from "../../../agent/tunnel.ts";
import { agentRules } from "../../../coordinator/agents/redis-acl.ts";
import { createAgentTunnels } from "../../../coordinator/agents/tunnel.ts";
import { CLOSE_REFUSED, MAX_TUNNEL_FRAME_BYTES, TUNNEL_PATH } from "../../../shared/link.ts";
import { createLogger } from "../../../shared/logger.ts";
import { openQueue, openWorker, type QueueServer } from "../../../shared/queues.ts";
import { startTlsRedis } from "../../support/redis-tls.ts";
import { testQueueServer } from "../../support/shared-servers.ts";
import { until } from "../../support/until.ts";

const logger = createLogger({ level: "silent", name: "test" });
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const resp = (...words: string[]) =>
  Buffer.from(`*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`);
const userOf = (agent: string) => `watchpost-agent-${agent}`;
const login = (agent = "agt_a", password = agent) => resp("AUTH", userOf(agent), password);

/** A Redis and the coordinator's tunnels to it; a bearer is the agent's id, or nobody. */
async function setup({ idleMs, options: changes = {} }: { idleMs?: number; options?: RedisOptions } = {}) {
  const { server, url, stop } = await testQueueServer("redis");
  const { options } = server as { options: RedisOptions };
  const admin = new Redis(url);
  for (const agentId of ["agt_a", "agt_b"]) {
    const rules = agentRules(
      { prefix: "watchpost", region: "eu", agentId, passwordHashes: [sha256(agentId)] },
      "selectors",
    );
    await admin.call("ACL", "SETUSER", userOf(agentId), ...rules);
  }
  const asked: string[] = [];
  const sockets: Socket[] = [];
  const tunnels = createAgentTunnels({
    options: { ...options, ...changes },
    prefix: "watchpost",
    logger,
    ...(idleMs !== undefined && { idleMs }),
  });
  const http = createServer().listen(0, "127.0.0.1");
  http.on("upgrade", (request: IncomingMessage, socket, head) => {
    const agentId = request.headers.authorization?.replace("Bearer ", "") ?? "";
    asked.push(agentId);
    sockets.push(socket as Socket);
    if (!agentId.startsWith("agt_")) return socket.end("HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n");
    tunnels.accept(request, socket, head, { agentId, region: "eu", generation: 1 });
  });
  await once(http, "listening");
  const { port } = http.address() as AddressInfo;
  onTestFinished(async () => {
    tunnels.close();
    http.closeAllConnections();
    http.close();
    admin.disconnect();
    await stop();
  });
  const address = `ws://127.0.0.1:${port}${TUNNEL_PATH}`;
  const asAgent = (agent = "agt_a"): RedisOptions => ({
    Connector: createTunnelConnector({ coordinatorUrl: `http://127.0.0.1:${port}`, bearer: () => agent }),
    username: userOf(agent),
    password: agent,
    enableReadyCheck: false,
    disableClientInfo: true,
  });
  return {
    admin,
    tunnels,
    asked,
    /** How much was read of what agents sent, in bytes. */
    taken: () => sockets.reduce((sum, { bytesRead }) => sum + bytesRead, 0),
    asAgent,
    queueServer: (): QueueServer => ({ kind: "redis", options: asAgent(), prefix: "watchpost" }),
    /** The bare socket of an agent that was taken over. */
    async open(agent = "agt_a") {
      const socket = new WebSocket(address, { headers: { authorization: `Bearer ${agent}` } });
      onTestFinished(() => socket.terminate());
      let heard = "";
      socket.on("message", (data) => (heard += String(data)));
      const closed = new Promise<{ code: number; reason: string }>((resolve) =>
        socket.on("close", (code, reason) => resolve({ code, reason: String(reason) })),
      );
      await once(socket, "open");
      return { socket, closed, heard: () => heard };
    },
  };
}

test("BullMQ works through it, with jobs of some megabytes", async () => {
  const { admin, queueServer, tunnels } = await setup();
  const access = { server: queueServer(), logger, leastPrivilege: true };
  const done: string[] = [];
  const worker = openWorker<{ text: string }>("{checks-eu}", async ({ data }) => void done.push(data.text), {
    ...access,
    concurrency: 10,
    lockDurationMs: 5_000,
    stalledIntervalMs: 2_000,
  });
  const results = openQueue<{ text: string }>("{results-eu}", access);
  const checks = openQueue<{ text: string }>("{checks-eu}", access);
  void worker.run();
  const texts = [..."abcdefghij"].map((letter) => letter.repeat(300_000));
  for (const text of texts) await checks.add("checks", { text });
  await until(
    () => done.length,
    (count) => count === texts.length,
  );
  expect(done.toSorted()).toEqual(texts);
  await results.add("results", { text: texts.join("") }, { jobId: "agt_a.job_1" });
  expect(await admin.hget("watchpost:{results-eu}:agt_a.job_1", "data")).toBe(JSON.stringify({ text: texts.join("") }));
  // A worker has a second connection to wait on, which BullMQ makes of the first.
  expect(tunnels.size).toBe(4);
  await Promise.all([worker.close(), results.close(), checks.close()]);
  await until(
    () => tunnels.size,
    (size) => size === 0,
  );
  expect(await admin.call("ACL", "LOG")).toEqual([]);
});

test.each<[string, Buffer]>([
  ["another agent's user", login("agt_b")],
  ["the default user", resp("AUTH", "")],
  ["a command before the login", resp("FLUSHALL")],
  ["a wrong password and a command behind it", Buffer.concat([login("agt_a", "wrong"), resp("FLUSHALL")])],
  ["a later login", Buffer.concat([login(), login("agt_b")])],
  ["a later HELLO", Buffer.concat([login(), resp("HELLO", "3", "AUTH", "default", "")])],
  ["a return to the default user", Buffer.concat([login(), resp("RESET"), resp("FLUSHALL")])],
  ["an inline command", Buffer.concat([login(), Buffer.from("FLUSHALL\r\n")])],
])("refuses %s, on a Redis without a password too", async (_, bytes) => {
  const { admin, open } = await setup();
  await admin.config("SET", "requirepass", "");
  await admin.set("kept", "1");
  for (const pieces of [[bytes], Array.from(bytes, (byte) => Buffer.from([byte]))]) {
    const { socket, closed } = await open();
    for (const piece of pieces) socket.send(piece);
    expect((await closed).code).toBe(1008);
  }
  expect(await admin.get("kept")).toBe("1");
});

test("refuses frames that are too long, and text", async () => {
  const { open } = await setup();
  const long = await open();
  long.socket.send(Buffer.alloc(MAX_TUNNEL_FRAME_BYTES + 1));
  expect((await long.closed).code).toBe(1009);
  const text = await open();
  text.socket.send(login().toString());
  expect((await text.closed).code).toBe(1008);
});

test("lets an agent know why Redis does not let it in", async () => {
  const { admin, asAgent } = await setup();
  await admin.call("ACL", "DELUSER", userOf("agt_a"));
  const client = new Redis({ ...asAgent(), lazyConnect: true, retryStrategy: () => null });
  const errors: Error[] = [];
  client.on("error", (thrown) => errors.push(thrown));
  await client.connect().catch(() => undefined);
  await until(
    () => errors.map(({ message }) => message).join(),
    (text) => text.includes("WRONGPASS"),
  );
});

test("closes a connection in which nothing is said, and not one that shows that it is there", async () => {
  const { open } = await setup({ idleMs: 300 });
  const [silent, alive] = await Promise.all([open(), open()]);
  const timer = setInterval(() => alive.socket.ping(), 50);
  onTestFinished(() => clearInterval(timer));
  for (const { socket } of [silent, alive]) socket.send(login());
  expect(await silent.closed).toEqual({ code: 1008, reason: "idle" });
  alive.socket.send(resp("PING"));
  await until(alive.heard, (heard) => heard === "+OK\r\n+PONG\r\n");
});

test("an agent has so many connections and no more; others have theirs", async () => {
  const { open } = await setup();
  const all = await Promise.all(Array.from({ length: 32 }, () => open()));
  await expect(open()).rejects.toThrow("429");
  await open("agt_b");
  all[0]?.socket.close();
  await all[0]?.closed;
  await until(
    () =>
      open().then(
        () => true,
        () => false,
      ),
    (isOpen) => isOpen,
  );
});

test("a revoked agent is cut off at once, and nothing that it sends then gets through", async () => {
  const { admin, open, tunnels } = await setup();
  const [one, other] = await Promise.all([open(), open("agt_b")]);
  one.socket.send(login());
  await until(one.heard, (heard) => heard === "+OK\r\n");
  tunnels.cut("agt_a");
  one.socket.send(resp("LPUSH", "watchpost:{checks-eu}:wait", "x"));
  expect((await one.closed).code).toBe(CLOSE_REFUSED);
  other.socket.send(Buffer.concat([login("agt_b"), resp("PING")]));
  await until(other.heard, (heard) => heard === "+OK\r\n+PONG\r\n");
  expect(await admin.exists("watchpost:{checks-eu}:wait")).toBe(0);
});

const MB = 2 ** 20;

/** What a count comes to when it grows no more: what the kernel's buffers hold has gone then. */
async function settled(count: () => number): Promise<number> {
  let last = 0;
  let same = 0;
  await until(
    () => {
      same = count() === last ? same + 1 : 0;
      last = count();
      return same;
    },
    () => last > MB && same >= 3,
    { everyMs: 200 },
  );
  return last;
}

/** A way to Redis that counts what comes back through it. */
async function countingWay({ host, port }: RedisOptions): Promise<{ port: number; passed: () => number }> {
  let passed = 0;
  const way = createTcpServer((client) => {
    const upstream = connect(Number(port), host as string);
    upstream.on("data", (bytes) => (passed += bytes.length));
    client.pipe(upstream).pipe(client);
    for (const [one, another] of [
      [client, upstream],
      [upstream, client],
    ] as const)
      one.on("error", () => undefined).on("close", () => another.destroy());
  }).listen(0, "127.0.0.1");
  await once(way, "listening");
  onTestFinished(() => void way.close());
  return { port: (way.address() as AddressInfo).port, passed: () => passed };
}

test("what an agent does not read stays with Redis, and comes when it reads", async () => {
  const target = await setup();
  const { port, host } = target.admin.options as RedisOptions;
  const way = await countingWay({ host: host as string, port: port as number });
  const { admin, open } = await setup({ options: { port: way.port } });
  await target.admin.hset("watchpost:{checks-eu}:big", "text", "x".repeat(8 * MB));
  void admin;
  const { socket, heard } = await open();
  socket.send(login());
  await until(heard, (text) => text === "+OK\r\n");
  socket.pause();
  const asked = 16;
  for (let n = 0; n < asked; n++) socket.send(resp("HGET", "watchpost:{checks-eu}:big", "text"));
  expect(await settled(way.passed)).toBeLessThan(48 * MB);
  socket.resume();
  await until(way.passed, (bytes) => bytes > asked * 8 * MB);
});

test("what Redis does not read stays with the agent", async () => {
  const sockets: Socket[] = [];
  const deaf = createTcpServer((socket) => {
    sockets.push(socket);
    socket.once("data", () => {
      socket.pause();
      socket.write("+OK\r\n");
    });
  }).listen(0, "127.0.0.1");
  await once(deaf, "listening");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    deaf.close();
  });
  const { open, taken } = await setup({ options: { port: (deaf.address() as AddressInfo).port } });
  const { socket, heard } = await open();
  socket.send(login());
  await until(heard, (text) => text === "+OK\r\n");
  const command = resp("SET", "k", "x".repeat(60_000));
  for (let n = 0; n < 2_000; n++) socket.send(command);
  expect(await settled(taken)).toBeLessThan(48 * MB);
});

test("an agent that is refused comes again seldom, with all its connections, and can be stopped meanwhile", async () => {
  const { asked, asAgent } = await setup();
  const options = { ...asAgent("nobody"), retryStrategy: () => 1, maxRetriesPerRequest: null };
  const client = new Redis(options);
  const errors: string[] = [];
  client.on("error", ({ message }) => errors.push(message));
  await until(
    () => errors.length,
    (count) => count > 0,
  );
  expect(errors[0]).toContain("HTTP status 401");
  const second = client.duplicate();
  second.on("error", () => undefined);
  const ended = [client, second].map((one) => once(one, "end"));
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(asked).toEqual(["nobody"]);
  client.disconnect();
  second.disconnect();
  await Promise.all(ended);
});

test("connections come back by themselves when the coordinator was away", async () => {
  const { asAgent, tunnels } = await setup();
  const client = new Redis({ ...asAgent(), maxRetriesPerRequest: null, retryStrategy: () => 20 });
  onTestFinished(() => client.disconnect());
  expect(await client.ping()).toBe("PONG");
  tunnels.close();
  await once(client, "close");
  expect(await client.ping()).toBe("PONG");
});

test("the queues may be in another database", async () => {
  const { admin, open } = await setup({ options: { db: 3 } });
  await admin.call("ACL", "SETUSER", userOf("agt_a"), "+select");
  const { socket, heard } = await open();
  socket.send(Buffer.concat([login(), resp("LPUSH", "watchpost:{checks-eu}:wait", "x")]));
  await until(heard, (text) => text === "+OK\r\n:1\r\n");
  await admin.select(3);
  expect(await admin.llen("watchpost:{checks-eu}:wait")).toBe(1);
});

test("Redis may be reached over TLS, and not with a certificate of a stranger", async () => {
  const { server, tlsPort, authority, stop } = await startTlsRedis();
  onTestFinished(stop);
  const admin = new Redis(server.options);
  onTestFinished(() => admin.disconnect());
  const rules = { prefix: "watchpost", region: "eu", agentId: "agt_a", passwordHashes: [sha256("agt_a")] };
  await admin.call("ACL", "SETUSER", userOf("agt_a"), ...agentRules(rules, "selectors"));
  const known = await setup({ options: { port: tlsPort, tls: { ca: authority.cert, servername: "localhost" } } });
  const one = await known.open();
  one.socket.send(Buffer.concat([login(), resp("PING")]));
  await until(one.heard, (heard) => heard === "+OK\r\n+PONG\r\n");
  const unknown = await setup({ options: { port: tlsPort, tls: { servername: "localhost" } } });
  const other = await unknown.open();
  other.socket.send(login());
  expect((await other.closed).code).toBe(1001);
  expect(other.heard()).toBe("");
});
