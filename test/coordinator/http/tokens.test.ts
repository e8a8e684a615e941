import { once } from "node:events";
import { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { CLOSE_REFUSED } from "../../../shared/link.ts";
import type { TestCoordinator } from "../../support/coordinator.ts";
import { startTestCoordinator } from "../../support/coordinator.ts";
import { until } from "../../support/until.ts";

let coordinator: TestCoordinator;
let database: Client;
beforeAll(async () => {
  coordinator = await startTestCoordinator();
  database = new Client({ connectionString: coordinator.databaseUrl });
  await database.connect();
});
afterAll(async () => {
  await database?.end();
  await coordinator?.stop();
});

const create = async (scope: string, name = scope) => {
  const { status, body } = await coordinator.call("POST", "/v1/tokens", { name, scope });
  expect(status).toBe(201);
  return body as { id: string; token: string };
};
const monitor = { name: "A", type: "tcp", interval: "30s", tcp: { host: "target.example", port: 80 } };

test("a token is shown once, and nothing that is kept would open anything", async () => {
  const { id, token } = await create("read");
  expect(token).toMatch(/^wpt_\w{43}$/);
  const { body } = await coordinator.call("GET", "/v1/tokens");
  expect(body.data).toContainEqual(expect.objectContaining({ id, name: "read", scope: "read", lastUsedAt: null }));
  expect(JSON.stringify(body)).not.toContain(token);
  for (const table of ["api_tokens", "audit_log"]) {
    const { rows } = await database.query(`SELECT * FROM ${table}`);
    expect(JSON.stringify(rows)).not.toContain(token);
  }
});

test.each([
  ["read", "GET", "/v1/monitors", undefined, 200],
  ["read", "GET", "/metrics", undefined, 200],
  ["read", "POST", "/v1/monitors", monitor, 403],
  ["read", "DELETE", "/v1/monitors/mon_a", undefined, 403],
  ["read", "GET", "/v1/tokens", undefined, 403],
  ["read", "GET", "/v1/audit", undefined, 403],
  ["read", "GET", "/v1/enrollment-tokens", undefined, 403],
  ["write", "GET", "/v1/monitors", undefined, 200],
  ["write", "POST", "/v1/monitors", monitor, 201],
  ["write", "POST", "/v1/tokens", { name: "more", scope: "admin" }, 403],
  ["write", "POST", "/v1/enrollment-tokens", { region: "eu-west" }, 403],
  ["write", "DELETE", "/v1/agents/agt_a", undefined, 403],
  ["write", "POST", "/v1/agents/agt_a/rotate", {}, 403],
  ["admin", "POST", "/v1/tokens", { name: "more", scope: "read" }, 201],
  ["admin", "GET", "/v1/audit", undefined, 200],
])("a token that may %s: %s %s", async (scope, method, path, body, status) => {
  const { token } = await create(scope);
  expect((await coordinator.call(method, path, body, token)).status).toBe(status);
});

test("that a token was used is to be seen, and after its deletion it opens nothing", async () => {
  const { id, token } = await create("read");
  await coordinator.call("GET", "/v1/monitors", undefined, token);
  const { body } = await coordinator.call("GET", "/v1/tokens");
  const used = body.data.find((one: { id: string }) => one.id === id);
  expect(Date.now() - Date.parse(used.lastUsedAt)).toBeLessThan(60_000);
  expect((await coordinator.call("DELETE", `/v1/tokens/${id}`)).status).toBe(204);
  expect((await coordinator.call("GET", "/v1/monitors", undefined, token)).status).toBe(401);
  expect((await coordinator.call("DELETE", `/v1/tokens/${id}`)).status).toBe(404);
});

test("a token ends when it is told to", async () => {
  const { body } = await coordinator.call("POST", "/v1/tokens", { name: "brief", scope: "read", expiresIn: "1m" });
  const call = () => coordinator.call("GET", "/v1/monitors", undefined, body.token);
  expect((await call()).status).toBe(200);
  await database.query("UPDATE api_tokens SET expires_at = now() WHERE id = $1", [body.id]);
  expect((await call()).status).toBe(401);
});

test.each([
  [{ scope: "read" }, "name"],
  [{ name: "a", scope: "root" }, "scope"],
  [{ name: "a", scope: "read", expiresIn: "1s" }, "expiresIn"],
])("%o is refused by name", async (draft, field) => {
  const { status, body } = await coordinator.call("POST", "/v1/tokens", draft);
  expect([status, body.errors[0].field]).toEqual([422, field]);
});

test("one who looks on with a token is cut off when it is deleted, on whichever coordinator", async () => {
  const another = await coordinator.another();
  try {
    const { id, token } = await create("read");
    const byHeader = new WebSocket(`${another.url.replace("http", "ws")}/v1/live`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const byMessage = new WebSocket(`${another.url.replace("http", "ws")}/v1/live`);
    const welcomed = Promise.all([byHeader, byMessage].map((socket) => once(socket, "message")));
    await once(byMessage, "open");
    byMessage.send(JSON.stringify({ type: "hello", token }));
    const welcomes = await welcomed;
    expect(welcomes.map(([data]) => JSON.parse(String(data)).type)).toEqual(["welcome", "welcome"]);
    const closed = Promise.all([byHeader, byMessage].map((socket) => once(socket, "close")));
    await coordinator.call("DELETE", `/v1/tokens/${id}`);
    expect((await closed).map(([code]) => code)).toEqual([CLOSE_REFUSED, CLOSE_REFUSED]);
  } finally {
    await another.stop();
  }
});

test("who changed what is in the audit log, newest first and page by page", async () => {
  const { id, token } = await create("write", "robot");
  const { body: made } = await coordinator.call("POST", "/v1/monitors", monitor, token);
  await coordinator.call("PATCH", `/v1/monitors/${made.id}`, { enabled: false }, token);
  await coordinator.call("PATCH", `/v1/monitors/${made.id}`, { interval: "never" }, token);
  await coordinator.call("DELETE", `/v1/monitors/${made.id}`, undefined, token);
  const of = (query: string) => coordinator.call("GET", `/v1/audit?${query}`).then(({ body }) => body);
  const { data } = await of(`actor=${id}`);
  expect(data).toEqual(
    ["monitors.delete", "monitors.change", "monitors.create"].map((action) =>
      expect.objectContaining({ actor: id, action, subject: made.id, address: "127.0.0.1" }),
    ),
  );
  const first = await of(`subject=${made.id}&limit=2`);
  const second = await of(`subject=${made.id}&limit=2&cursor=${first.nextCursor}`);
  expect([...first.data, ...second.data]).toEqual(data);
  expect(second.nextCursor).toBeNull();
  const { data: tokens } = await of("action=tokens.create&limit=1");
  expect(tokens).toMatchObject([{ actor: "admin", subject: id, detail: { name: "robot", scope: "write" } }]);
});

test("without the store, the admin token opens and others are to be tried again", async () => {
  const { token } = await create("read");
  await database.query("ALTER TABLE api_tokens RENAME TO gone");
  try {
    expect((await coordinator.call("GET", "/v1/channel-types")).status).toBe(200);
    expect((await coordinator.call("GET", "/v1/channel-types", undefined, token)).status).toBe(500);
    expect((await coordinator.call("GET", "/v1/channel-types", undefined, "wpt_short")).status).toBe(401);
  } finally {
    await database.query("ALTER TABLE gone RENAME TO api_tokens");
  }
  await until(
    () => coordinator.call("GET", "/v1/channel-types", undefined, token),
    ({ status }) => status === 200,
  );
});
