import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestCoordinator } from "../../support/coordinator.ts";
import { startTestCoordinator } from "../../support/coordinator.ts";

let coordinator: TestCoordinator;
beforeAll(async () => {
  coordinator = await startTestCoordinator();
});
afterAll(() => coordinator?.stop());

const shop = { name: "Shop", type: "http", interval: "30s", http: { url: "https://shop.example/health" } };

test("a monitor is created with every default, read, listed, changed and deleted", async () => {
  const created = await coordinator.call("POST", "/v1/monitors", shop);
  expect(created.status).toBe(201);
  expect(created.body).toMatchObject({
    name: "Shop",
    type: "http",
    interval: "30s",
    timeout: "10s",
    regions: "all",
    quorum: "majority",
    enabled: true,
    stagger: true,
    assertions: [],
    http: { url: "https://shop.example/health", method: "GET", maxRedirects: 5 },
    revision: 1,
    status: { verdict: "unknown", regions: {} },
  });
  const path = `/v1/monitors/${created.body.id}`;
  expect(await coordinator.call("GET", path)).toEqual({ status: 200, body: created.body });
  expect((await coordinator.call("GET", "/v1/monitors")).body.data).toContainEqual(created.body);

  const changed = await coordinator.call("PATCH", path, { interval: 60, http: { method: "HEAD" } });
  expect(changed.status).toBe(200);
  expect(changed.body).toMatchObject({
    interval: "1m",
    revision: 2,
    http: { url: "https://shop.example/health", method: "HEAD" },
  });

  expect(await coordinator.call("DELETE", path)).toEqual({ status: 204, body: null });
  expect((await coordinator.call("GET", path)).status).toBe(404);
  expect((await coordinator.call("DELETE", path)).status).toBe(404);
});

test("a document as returned can be sent again", async () => {
  const { body } = await coordinator.call("POST", "/v1/monitors", shop);
  const { id: _, revision: __, createdAt: ___, updatedAt: ____, status: _____, ...document } = body;
  expect((await coordinator.call("POST", "/v1/monitors", document)).status).toBe(201);
});

test("pausing makes the verdict paused, resuming makes it unknown until there are votes", async () => {
  const { body } = await coordinator.call("POST", "/v1/monitors", shop);
  const path = `/v1/monitors/${body.id}`;
  expect((await coordinator.call("PATCH", path, { enabled: false })).body.status.verdict).toBe("paused");
  expect((await coordinator.call("PATCH", path, { enabled: true })).body.status.verdict).toBe("unknown");
});

test.each([
  ["an unknown type", { ...shop, type: "gopher" }, "type"],
  ["no name", { ...shop, name: " " }, "name"],
  ["a name with NUL", { ...shop, name: "a\u0000b" }, "name"],
  ["a body with half of a surrogate pair", { ...shop, http: { ...shop.http, body: "a\ud800b" } }, "http.body"],
  ["an interval below a second", { ...shop, interval: "500ms" }, "interval"],
  ["an interval that is no duration", { ...shop, interval: "soon" }, "interval"],
  ["a timeout beyond the interval", { ...shop, interval: 5, timeout: 6 }, "timeout"],
  ["a URL of another scheme", { ...shop, http: { url: "ftp://shop.example" } }, "http.url"],
  ["a URL with a password", { ...shop, http: { url: "https://u:p@shop.example" } }, "http.url"],
  ["a header with a line break", { ...shop, http: { ...shop.http, headers: { a: "b\r\nc: d" } } }, "http.headers.a"],
  [
    "a header that frames the request",
    { ...shop, http: { ...shop.http, headers: { "Transfer-Encoding": "chunked" } } },
    "http.headers.Transfer-Encoding",
  ],
  ["a field that is not known", { ...shop, intervall: 5 }, "intervall"],
  ["a nested field that is not known", { ...shop, http: { ...shop.http, verb: "GET" } }, "http.verb"],
  ["a region that is no slug", { ...shop, regions: ["EU West"] }, "regions.0"],
  ["a region twice", { ...shop, regions: ["eu", "eu"] }, "regions"],
  ["no region", { ...shop, regions: [] }, "regions"],
  ["a quorum of none", { ...shop, quorum: 0 }, "quorum"],
  [
    "an assertion's operator",
    { ...shop, assertions: [{ source: "status", op: "like", value: 200 }] },
    "assertions.0.op",
  ],
  ["a port out of range", { name: "P", type: "tcp", tcp: { host: "db.example", port: 70_000 } }, "tcp.port"],
  [
    "an assertion that the type has not",
    { name: "P", type: "tcp", tcp: { host: "a", port: 1 }, assertions: [{ source: "status", op: "eq", value: 1 }] },
    "assertions.0.source",
  ],
])("%s is refused, naming field and rule", async (_, document, field) => {
  const before = (await coordinator.call("GET", "/v1/monitors?limit=1000")).body.data.length;
  const { status, body } = await coordinator.call("POST", "/v1/monitors", document);
  expect(status).toBe(422);
  expect(body).toMatchObject({ type: "about:blank", title: "Unprocessable Entity", status: 422 });
  expect(body.errors.map((error: { field: string }) => error.field)).toContain(field);
  // What is wrong, in words of our own.
  expect(body.errors[0].rule).not.toMatch(/^$|^Invalid key/);
  expect((await coordinator.call("GET", "/v1/monitors?limit=1000")).body.data).toHaveLength(before);
});

test("verdicts are counted, also those that no monitor has", async () => {
  const before = (await coordinator.call("GET", "/v1/verdicts")).body;
  const { body } = await coordinator.call("POST", "/v1/monitors", shop);
  await coordinator.call("POST", "/v1/monitors", { ...shop, enabled: false });
  expect((await coordinator.call("GET", "/v1/verdicts")).body).toEqual({
    up: 0,
    degraded: 0,
    down: 0,
    maintenance: 0,
    unknown: before.unknown + 1,
    paused: before.paused + 1,
  });
  await coordinator.call("DELETE", `/v1/monitors/${body.id}`);
  expect((await coordinator.call("GET", "/v1/verdicts")).body.unknown).toBe(before.unknown);
  expect((await coordinator.call("GET", "/v1/verdicts?of=all")).status).toBe(422);
});

test("a wrong change is refused and changes nothing", async () => {
  const { body } = await coordinator.call("POST", "/v1/monitors", shop);
  const path = `/v1/monitors/${body.id}`;
  const refused = await coordinator.call("PATCH", path, { interval: "5s" });
  expect(refused).toMatchObject({
    status: 422,
    body: { errors: [{ field: "timeout", rule: "must be at most the interval" }] },
  });
  expect((await coordinator.call("GET", path)).body).toEqual(body);
});

test("a list comes in pages that meet without gap or overlap", async () => {
  for (let n = 0; n < 5; n++) await coordinator.call("POST", "/v1/monitors", { ...shop, name: `Page ${n}` });
  const all = (await coordinator.call("GET", "/v1/monitors?limit=1000")).body.data;
  const paged = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const { body } = await coordinator.call("GET", `/v1/monitors?limit=2${cursor && `&cursor=${cursor}`}`);
    paged.push(...body.data);
    cursor = body.nextCursor;
  }
  expect(paged).toEqual(all);
});

test("a cursor of another list, a limit out of range and a query that is not known are refused", async () => {
  for (const [query, field] of [
    ["cursor=e30", "cursor"],
    ["limit=0", "limit"],
    ["page=2", "page"],
  ]) {
    const { status, body } = await coordinator.call("GET", `/v1/monitors?${query}`);
    expect([status, body.errors[0].field]).toEqual([422, field]);
  }
});

test("without a token, with a wrong one and with the agents' one the answer is 401", async () => {
  for (const token of [null, "wrong", "wpg_agent-token-of-the-tests"]) {
    expect(await coordinator.call("GET", "/v1/monitors", undefined, token)).toMatchObject({
      status: 401,
      body: { status: 401 },
    });
  }
});

test("health and readiness are told without a token", async () => {
  expect(await coordinator.call("GET", "/healthz", undefined, null)).toEqual({ status: 200, body: { status: "ok" } });
  expect(await coordinator.call("GET", "/readyz", undefined, null)).toEqual({
    status: 200,
    body: {
      status: "ready",
      checks: { postgres: { ok: true }, clickhouse: { ok: true }, queue: { ok: true }, schedule: { ok: true } },
    },
  });
});

test("broken JSON is a 400, an unknown path a 404, both as problem documents", async () => {
  expect(await coordinator.call("POST", "/v1/monitors", "{")).toMatchObject({
    status: 400,
    body: { title: "Bad Request" },
  });
  expect(await coordinator.call("GET", "/v1/nothing")).toMatchObject({ status: 404, body: { title: "Not Found" } });
});

describe("what a monitor depends on", () => {
  const make = async (name: string, dependsOn: readonly string[] = []) =>
    (await coordinator.call("POST", "/v1/monitors", { ...shop, name, dependsOn })).body.id as string;
  const change = (id: string, dependsOn: readonly string[]) =>
    coordinator.call("PATCH", `/v1/monitors/${id}`, { dependsOn });

  test("is there, and does not depend on it in turn, over however many others", async () => {
    const router = await make("Router");
    const rack = await make("Switch", [router]);
    const server = await make("Server", [rack]);
    const nowhere = "mon_00000000000000000000";
    expect(await coordinator.call("POST", "/v1/monitors", { ...shop, dependsOn: [rack, nowhere] })).toMatchObject({
      status: 422,
      body: { errors: [{ field: "dependsOn.1", rule: `must be a monitor: there is no ${nowhere}` }] },
    });
    expect(await change(router, [router])).toMatchObject({
      status: 422,
      body: { errors: [{ field: "dependsOn.0", rule: "must not be the monitor itself" }] },
    });
    expect(await change(router, [server])).toMatchObject({
      status: 422,
      body: {
        errors: [{ field: "dependsOn.0", rule: `must not be a monitor that depends on this one: ${server} does` }],
      },
    });
    expect((await change(server, [rack, router])).status).toBe(200);
  });

  test("makes no circle when two are changed at once", async () => {
    const [one, other] = await Promise.all([make("One"), make("Other")]);
    const answers = await Promise.all([change(one, [other]), change(other, [one])]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 422]);
  });

  test("may be gone meanwhile without keeping it from being changed", async () => {
    const parent = await make("Gone");
    const child = await make("Left", [parent]);
    await coordinator.call("DELETE", `/v1/monitors/${parent}`);
    const { status, body } = await coordinator.call("PATCH", `/v1/monitors/${child}`, { name: "Renamed" });
    expect({ status, dependsOn: body.dependsOn }).toEqual({ status: 200, dependsOn: [parent] });
  });
});
