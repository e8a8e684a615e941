import { once } from "node:events";
import { createServer } from "node:net";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { checkRedisAt } from "../../../../coordinator/cli/doctor/redis.ts";
import { freePort, startTestRedis, type TestServer } from "../../../support/servers.ts";

let server: TestServer;
let admin: Redis;
let address: { host: string; port: number };
let password: string;

beforeAll(async () => {
  server = await startTestRedis();
  const url = new URL(server.url);
  address = { host: url.hostname, port: Number(url.port) };
  password = url.password;
  admin = new Redis({ ...address, password });
});
afterEach(async () => {
  // Whatever a test has set: the password first, by the connection that is let in already.
  await admin.config("SET", "requirepass", password);
  await admin.config("SET", "maxmemory", "0");
  await admin.config("SET", "maxmemory-policy", "noeviction");
});
afterAll(async () => {
  admin?.disconnect();
  await server?.stop();
});

const findings = (options: object = { ...address, password }) => checkRedisAt("redis://there", options);
const states = async (options?: object) =>
  Object.fromEntries((await findings(options)).map(({ check, state }) => [check, state]));
const found = async (check: string, options?: object) =>
  (await findings(options)).find((finding) => finding.check === check);

it("finds a good server good", async () => {
  expect(await states()).toEqual({
    "Queue server": "ok",
    "Redis password": "ok",
    "Redis version": "ok",
    "Redis eviction": "ok",
    "Redis memory": "ok",
    "Redis users": "ok",
  });
});

it("says that nothing listens, and skips the rest", async () => {
  const nowhere = { host: "127.0.0.1", port: await freePort() };
  expect(await found("Queue server", nowhere)).toMatchObject({
    state: "trouble",
    detail: "redis://there: nothing listens there (connection refused)",
    remedy: expect.stringContaining("REDIS_HOST"),
  });
  expect(await states(nowhere)).toEqual({
    "Queue server": "trouble",
    "Redis password": "skipped",
    "Redis version": "skipped",
    "Redis eviction": "skipped",
    "Redis memory": "skipped",
    "Redis users": "skipped",
  });
});

it("says that the host name does not resolve", async () => {
  const nobody = { host: "redis.invalid", port: 6379 };
  expect(await found("Queue server", nobody)).toMatchObject({
    state: "trouble",
    detail: expect.stringContaining("does not resolve"),
  });
});

it("says when something closes the connection at once", async () => {
  const closing = createServer((socket) => socket.destroy()).listen(0, "127.0.0.1");
  await once(closing, "listening");
  try {
    const { port } = closing.address() as { port: number };
    expect(await states({ host: "127.0.0.1", port })).toMatchObject({ "Queue server": "trouble" });
  } finally {
    closing.close();
  }
});

it.each([
  ["a wrong password", { password: "wrong" }, "it is wrong"],
  ["a missing password", {}, "it asks for one"],
  ["an unknown user", { username: "nobody", password: "wrong" }, "it is wrong"],
])("says of %s that %s", async (_, credentials, detail) => {
  expect(await found("Redis password", { ...address, ...credentials })).toMatchObject({
    state: "trouble",
    detail,
    remedy: expect.stringContaining("REDIS_PASSWORD"),
  });
  expect(await states({ ...address, ...credentials })).toMatchObject({
    "Queue server": "ok",
    "Redis eviction": "skipped",
  });
});

it("says that a server with a password here asks for none", async () => {
  await admin.config("SET", "requirepass", "");
  expect(await found("Redis password")).toMatchObject({
    state: "trouble",
    remedy: expect.stringContaining("requirepass"),
  });
  expect(await states()).toMatchObject({ "Redis eviction": "ok" });
  expect(await found("Redis password", address)).toMatchObject({ state: "ok", detail: "none is asked for" });
});

it("says that a policy throws jobs away", async () => {
  await admin.config("SET", "maxmemory-policy", "allkeys-lru");
  expect(await found("Redis eviction")).toMatchObject({
    state: "trouble",
    detail: expect.stringContaining("allkeys-lru"),
    remedy: expect.stringContaining("CONFIG SET maxmemory-policy noeviction"),
  });
});

it("says that memory is nearly full", async () => {
  const used = /used_memory:(\d+)/.exec(await admin.info("memory"))?.[1];
  await admin.config("SET", "maxmemory", String(Math.round(Number(used) * 1.05)));
  expect(await found("Redis memory")).toMatchObject({ state: "trouble" });
});

it("skips what a restricted user may not ask", async () => {
  await admin.call("ACL", "SETUSER", "agent", "on", ">secret-secret", "+ping", "+evalsha");
  expect(await states({ ...address, username: "agent", password: "secret-secret" })).toEqual({
    "Queue server": "ok",
    "Redis password": "ok",
    "Redis version": "skipped",
    "Redis eviction": "skipped",
    "Redis memory": "skipped",
    "Redis users": "skipped",
  });
});

it("advises to let the coordinator manage users", async () => {
  await admin.call("ACL", "SETUSER", "limited", "on", ">secret-secret", "~*", "+@all", "-acl");
  expect(await found("Redis users", { ...address, username: "limited", password: "secret-secret" })).toMatchObject({
    state: "advice",
    detail: expect.stringContaining("NOPERM"),
    remedy: expect.stringContaining("+acl|setuser"),
  });
});
