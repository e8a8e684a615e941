import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { channels } from "../../../coordinator/notify/channels/index.ts";
import { openPostgres, type Postgres } from "../../../coordinator/store/postgres.ts";
import { createLogger } from "../../../shared/logger.ts";
import type { TestCoordinator } from "../../support/coordinator.ts";
import { startTestCoordinator } from "../../support/coordinator.ts";
import { type Receiver, startReceiver } from "../../support/receiver.ts";

let coordinator: TestCoordinator;
let postgres: Postgres;
let receiver: Receiver;
beforeAll(async () => {
  [coordinator, receiver] = await Promise.all([startTestCoordinator(), startReceiver()]);
  postgres = openPostgres(coordinator.databaseUrl, createLogger({ level: "silent", name: "test" }));
});
afterAll(async () => {
  await postgres?.end();
  await coordinator?.stop();
  await receiver?.stop();
});

let made = 0;
async function make(type: string, settings: object) {
  const document = { name: `Channel ${++made}`, type, settings };
  const { status, body } = await coordinator.call("POST", "/v1/channels", document);
  expect({ status, body }).toMatchObject({ status: 201 });
  const put = (changes: object) =>
    coordinator.call("PUT", `/v1/channels/${body.id}`, { ...document, settings: { ...body.settings, ...changes } });
  return { id: body.id as string, body, put };
}
async function stored(id: string): Promise<string> {
  const { rows } = await postgres.query("SELECT settings::text FROM channels WHERE id = $1", [id]);
  return rows[0].settings;
}

const mail = {
  host: "mail.example",
  username: "me",
  password: "hunter2",
  from: "a@shop.example",
  to: ["b@shop.example"],
};
const hook = {
  url: "https://hooks.example/hunter3",
  secrets: [`whsec_${Buffer.alloc(24, 7).toString("base64")}`],
  headers: { authorization: "Bearer hunter4" },
};

test("secrets are sealed, and those that are kept go on working", async () => {
  const { id, body, put } = await make("ntfy", { serverUrl: receiver.url, topic: "hunter2" });
  expect(body.settings).toEqual({ serverUrl: receiver.url, topic: "***" });
  expect(await stored(id)).toMatch(/"sealed": "box1\./);
  expect(await stored(id)).not.toMatch(/hunter/);
  expect((await put({})).status).toBe(200);
  expect(await stored(id)).not.toMatch(/hunter|\*\*\*/);
  await coordinator.call("POST", `/v1/channels/${id}/test`);
  await receiver.hears(1);
  expect(receiver.received[0]?.body).toMatchObject({ topic: "hunter2" });
});

test("a marker where nothing is stored is refused", async () => {
  const rule = "there is no stored secret to keep: give its text";
  const refused = await coordinator.call("POST", "/v1/channels", {
    name: "None",
    type: "email",
    settings: { ...mail, password: "***" },
  });
  expect(refused).toMatchObject({ status: 422, body: { errors: [{ field: "settings.password", rule }] } });
  const { password: _, username: __, ...open } = mail;
  const { put } = await make("email", open);
  expect(await put({ username: "me", password: "***" })).toMatchObject({
    status: 422,
    body: { errors: [{ field: "settings.password", rule }] },
  });
});

describe("a secret that is kept stays with the place that it was given for", () => {
  test.each([
    ["email", mail, { host: "evil.example" }, ["password"], "host"],
    ["email", mail, { security: "tls" }, ["password"], "security"],
    ["email", mail, { port: 25 }, ["password"], "port"],
    [
      "gotify",
      { serverUrl: "https://a.example", token: "hunter2" },
      { serverUrl: "https://b.example" },
      ["token"],
      "serverUrl",
    ],
    ["webhook", hook, { url: "https://evil.example/" }, ["secrets", "headers"], "url"],
    [
      "telegram",
      { botToken: `1:${"a".repeat(30)}`, chatId: "1" },
      { apiUrl: "https://b.example" },
      ["botToken"],
      "apiUrl",
    ],
  ])("%s", async (type, settings, moved, fields, place) => {
    const { id, put } = await make(type, settings);
    const before = await stored(id);
    const refused = await put(moved);
    expect(refused.status).toBe(422);
    expect(refused.body.errors).toEqual(
      fields.map((field) => ({ field: `settings.${field}`, rule: `must be given again, because ${place} changed` })),
    );
    expect(JSON.stringify(refused.body)).not.toMatch(/hunter/);
    expect(await stored(id)).toBe(before);
    expect((await put({ ...settings, ...moved })).status).toBe(200);
  });

  test("every setting that is an address, or says who is believed to be there, is a place", () => {
    for (const [type, { settings, place }] of Object.entries(channels)) {
      const { shape } = settings as unknown as { shape: Record<string, unknown> };
      const places = Object.keys(shape).filter((name) => /^(host|port|security|ca|.*url)$/i.test(name));
      const secret = (channels[type as keyof typeof channels].secrets as readonly string[]).join();
      // Where the address is all there is of a secret, it has none to take along.
      expect([type, [...place].sort()]).toEqual([type, secret === "url" ? [] : places.sort()]);
    }
  });
});
