import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isJudgedAlike } from "../../../coordinator/replay/judged-alike.ts";
import { changeSealed } from "../../../coordinator/secrets/monitor-secrets.ts";
import { regionKeys } from "../../../coordinator/secrets/region-keys.ts";
import { createMonitorStore } from "../../../coordinator/store/monitors.ts";
import type { Postgres } from "../../../coordinator/store/postgres.ts";
import { openPostgres } from "../../../coordinator/store/postgres.ts";
import { openCheckSecrets } from "../../../shared/check-secrets.ts";
import { createLogger } from "../../../shared/logger.ts";
import type { Monitor, MonitorSpec } from "../../../shared/monitor.ts";
import { Unopenable } from "../../../shared/sealing.ts";
import type { TestCoordinator } from "../../support/coordinator.ts";
import { startTestCoordinator } from "../../support/coordinator.ts";
import { targetOf, testBox } from "../../support/secrets.ts";

let coordinator: TestCoordinator;
let postgres: Postgres;
beforeAll(async () => {
  coordinator = await startTestCoordinator();
  postgres = openPostgres(coordinator.databaseUrl, createLogger({ level: "silent", name: "test" }));
});
afterAll(async () => {
  await postgres?.end();
  await coordinator?.stop();
});

const http = {
  url: "https://shop.example/health",
  method: "POST",
  headers: { Authorization: "Bearer hunter2", "x-tenant": { secret: "hunter3" }, accept: "text/plain" },
  body: { secret: "pin=hunter4" },
};
const hidden = { Authorization: { secret: true }, "x-tenant": { secret: true }, accept: "text/plain" };

async function make(changes: object = {}) {
  const { status, body } = await coordinator.call("POST", "/v1/monitors", {
    name: "Shop",
    type: "http",
    http: { ...http, ...changes },
  });
  expect(status).toBe(201);
  return { body, id: body.id as string, path: `/v1/monitors/${body.id}` };
}

/** What an agent of a region is given of a monitor. */
async function given(id: string, region = "eu-west") {
  const monitor = (await createMonitorStore(postgres, testBox).get(id)) as Monitor;
  const target = targetOf(monitor, region);
  if (target.type !== "http" || target.secrets === undefined) throw new Error("no secrets");
  return openCheckSecrets(regionKeys(testBox, region).all, { monitorId: id, http: target.http }, target.secrets);
}

const byField = (a: { field: string }, b: { field: string }) => (a.field < b.field ? -1 : 1);

async function stored(id: string): Promise<string> {
  const { rows } = await postgres.query(
    "SELECT m::text AS text FROM monitors m WHERE id = $1 UNION ALL SELECT r::text FROM monitor_revisions r WHERE monitor_id = $1",
    [id],
  );
  return rows.map(({ text }) => text).join("\n");
}

test("a secret goes in and does not come out", async () => {
  const { body, id, path } = await make();
  expect(body.http).toMatchObject({ headers: hidden, body: { secret: true } });
  expect((await coordinator.call("GET", path)).body).toEqual(body);
  expect((await coordinator.call("GET", "/v1/monitors?limit=1000")).body.data).toContainEqual(body);
  const changed = await coordinator.call("PATCH", path, { name: "Other shop" });
  expect(changed.body.http).toEqual(body.http);
  expect(await stored(id)).not.toMatch(/hunter/);
  expect(await given(id)).toEqual({
    headers: { Authorization: "Bearer hunter2", "x-tenant": "hunter3" },
    body: "pin=hunter4",
  });
});

test("the document as returned, sent back, keeps what is stored", async () => {
  const { body, id, path } = await make();
  const { id: _, revision: __, createdAt: ___, updatedAt: ____, status: _____, ...document } = body;
  expect((await coordinator.call("PATCH", path, { ...document, interval: "5m" })).status).toBe(200);
  expect((await given(id)).headers).toEqual({ Authorization: "Bearer hunter2", "x-tenant": "hunter3" });
});

test("a secret is replaced, made plain and taken away", async () => {
  const { id, path } = await make();
  const headers = { authorization: null, Authorization: "Bearer hunter5", "x-tenant": "everyone's" };
  const { body } = await coordinator.call("PATCH", path, { http: { headers, body: null } });
  expect(body.http).toMatchObject({
    headers: { Authorization: { secret: true }, "x-tenant": "everyone's", accept: "text/plain" },
    body: null,
  });
  expect(await given(id)).toEqual({ headers: { Authorization: "Bearer hunter5" } });
});

test("a marker where nothing is stored is refused, naming the field", async () => {
  const none = { headers: { "x-api-key": { secret: true } }, body: { secret: true } };
  const made = await coordinator.call("POST", "/v1/monitors", { name: "A", type: "http", http: { ...http, ...none } });
  const rule = 'there is no stored secret to keep: give its text as { "secret": "…" }';
  const errors = [
    { field: "http.headers.x-api-key", rule },
    { field: "http.body", rule },
  ];
  expect(made).toMatchObject({ status: 422, body: { errors } });
  const { path } = await make({ body: "plain" });
  expect(await coordinator.call("PATCH", path, { http: none })).toMatchObject({ status: 422, body: { errors } });
  expect((await coordinator.call("GET", path)).body.revision).toBe(1);
});

test.each([
  ["an empty secret", { headers: { a: { secret: "" } } }, "http.headers.a.secret"],
  ["a secret with a line break", { headers: { a: { secret: "hunter2\r\nb: c" } } }, "http.headers.a.secret"],
  ["a secret that is no text", { body: { secret: 5 } }, "http.body.secret"],
  ["a secret that says more", { body: { secret: "hunter2", note: "x" } }, "http.body.note"],
  ["a secret with NUL", { body: { secret: "hunter2\u0000" } }, "http.body.secret"],
  ["a secret site", { headers: { Host: { secret: "hunter2" } } }, "http.headers.Host"],
])("%s is refused, and not quoted", async (_, changes, field) => {
  const { status, body } = await coordinator.call("POST", "/v1/monitors", {
    name: "A",
    type: "http",
    http: { ...http, ...changes },
  });
  expect(status).toBe(422);
  expect(body.errors.map((error: { field: string }) => error.field)).toContain(field);
  expect(JSON.stringify(body)).not.toMatch(/hunter/);
});

describe("a secret that is kept stays with the place that it was given for", () => {
  test.each([
    ["another host", { url: "https://evil.example/health" }],
    ["another port", { url: "https://shop.example:8443/health" }],
    ["plain http", { url: "http://shop.example/health" }],
    ["another site of the same host", { headers: { host: "evil.example" } }],
    ["whoever may answer", { ignoreTls: true }],
  ])("%s does not get it", async (_, changes) => {
    const { id, path } = await make();
    const refused = await coordinator.call("PATCH", path, { http: changes });
    expect(refused.status).toBe(422);
    const rule = "must be given again: the stored one only goes to https://shop.example, whose certificate is verified";
    const fields = ["http.body", "http.headers.Authorization", "http.headers.x-tenant"];
    expect(refused.body.errors.toSorted(byField)).toEqual(fields.map((field) => ({ field, rule })));
    expect((await coordinator.call("GET", path)).body.revision).toBe(1);
    const { headers = {}, ...rest } = changes as { headers?: object };
    const again = { ...rest, headers: { ...headers, Authorization: "Bearer hunter6", "x-tenant": null }, body: null };
    expect((await coordinator.call("PATCH", path, { http: again })).status).toBe(200);
    expect(await given(id)).toEqual({ headers: { Authorization: "Bearer hunter6" } });
  });

  test.each([
    ["another path", {}, { url: "https://shop.example/other?x" }],
    ["https in place of http", { url: "http://shop.example/" }, { url: "https://shop.example/" }],
    ["certificates that are verified", { ignoreTls: true }, { ignoreTls: false }],
  ])("%s gets it", async (_, before, changes) => {
    const { id, path } = await make(before);
    expect((await coordinator.call("PATCH", path, { http: changes })).status).toBe(200);
    expect((await given(id)).headers).toMatchObject({ Authorization: "Bearer hunter2" });
  });

  test("what stands in the database of one monitor is of no use in another, nor in the queue", async () => {
    const [one, other] = [await make(), await make({ url: "https://evil.example/" })];
    await postgres.query(
      `UPDATE monitors SET spec = jsonb_set(spec, '{http,headers}', (SELECT spec->'http'->'headers' FROM monitors WHERE id = $1))
       WHERE id = $2`,
      [one.id, other.id],
    );
    await expect(given(other.id)).rejects.toThrow(Unopenable);
    const monitor = (await createMonitorStore(postgres, testBox).get(one.id)) as Monitor;
    const target = targetOf(monitor, "eu-west") as Extract<ReturnType<typeof targetOf>, { type: "http" }>;
    const open = (region: string, changes: object) => () =>
      openCheckSecrets(
        regionKeys(testBox, region).all,
        { monitorId: one.id, http: { ...target.http, ...changes } },
        target.secrets as string,
      );
    expect(open("eu-west", {})()).toBeTruthy();
    expect(open("eu-west", { url: "https://evil.example/" })).toThrow(Unopenable);
    expect(open("us-east", {})).toThrow(Unopenable);
  });
});

test("a changed secret is another monitor to judge, the same one given again or sealed anew is not", async () => {
  const { id, path } = await make();
  for (const secret of ["Bearer hunter2", "Bearer hunter7", true]) {
    const headers = { Authorization: { secret } };
    expect((await coordinator.call("PATCH", path, { http: { headers } })).status).toBe(200);
  }
  const [first, same, other, kept] = (await createMonitorStore(postgres, testBox).history(id)).map(({ spec }) => spec);
  const alike = (a = first, b = first) => isJudgedAlike(a as MonitorSpec, b as MonitorSpec);
  expect([alike(first, same), alike(same, other), alike(other, kept)]).toEqual([true, false, true]);
  const anew = changeSealed(id, first as MonitorSpec, (sealed, context) =>
    testBox.seal(testBox.open(sealed, context), context),
  );
  expect(anew).not.toEqual(first);
  expect(alike(first, anew)).toBe(true);
});
