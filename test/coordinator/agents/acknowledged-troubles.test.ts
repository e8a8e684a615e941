import { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { beginTrouble } from "../../support/agent-troubles.ts";
import { watchpost } from "../../support/cli.ts";
import type { TestCoordinator } from "../../support/coordinator.ts";
import { adminToken, startTestCoordinator } from "../../support/coordinator.ts";
import { type LiveClient, lookOn } from "../../support/live-client.ts";
import { type Receiver, startReceiver } from "../../support/receiver.ts";
import { until } from "../../support/until.ts";

let coordinator: TestCoordinator;
let database: Client;
let receiver: Receiver;
let looker: LiveClient;
const channels: Record<string, string> = {};
const cli = (...args: string[]) =>
  watchpost(args, { WATCHPOST_URL: coordinator.url, WATCHPOST_TOKEN: adminToken, USER: "eve" });

beforeAll(async () => {
  [coordinator, receiver] = await Promise.all([startTestCoordinator(), startReceiver()]);
  database = new Client({ connectionString: coordinator.databaseUrl });
  await database.connect();
  looker = await lookOn(coordinator.url, adminToken);
  for (const name of ["first", "second"]) {
    const settings = { url: receiver.url, secrets: [`whsec_${Buffer.alloc(32, 7).toString("base64")}`] };
    channels[name] = (await coordinator.call("POST", "/v1/channels", { name, type: "webhook", settings })).body.id;
  }
  await coordinator.call("POST", "/v1/alert-rules", {
    name: "agents",
    events: ["agent_trouble"],
    group: "0s",
    repeat: "1h",
    steps: [{ channels: [channels.first] }, { after: "1h", channels: [channels.second] }],
  });
});
afterAll(async () => {
  looker?.stop();
  await database?.end();
  await coordinator?.stop();
  await receiver?.stop();
});

/** Of one trouble, in the order of channel and repetition. */
async function deliveries(id: string): Promise<Array<{ step: number; repeat: number; state: string }>> {
  const { rows } = await database.query(
    "SELECT step, repeat, state FROM deliveries WHERE trouble_id = $1 ORDER BY step, repeat",
    [id],
  );
  return rows;
}

test("trouble that is acknowledged is told to nobody more; its end is", async () => {
  const [taken, left] = ["trb_taken", "trb_left"];
  const { end } = await beginTrouble(coordinator.databaseUrl, taken);
  await beginTrouble(coordinator.databaseUrl, left);
  for (const id of [taken, left])
    await until(
      () => deliveries(id),
      (all) => all.length === 3,
    );
  const { code, out } = await cli("agents", "troubles", "ack", taken, "--note", "on it");
  expect([code, out]).toEqual([0, "trb_taken, lagging: acknowledged by eve.\n"]);
  expect((await coordinator.call("GET", `/v1/agent-troubles/${taken}`)).body).toMatchObject({
    acknowledgedAt: expect.any(String),
    acknowledgedBy: "eve",
    note: "on it",
  });
  // The hour is over.
  await database.query("UPDATE deliveries SET due_at = now() WHERE state = 'planned'");
  await until(
    () => deliveries(left),
    (all) => all.filter(({ step, repeat, state }) => step + repeat === 1 && state === "sent").length === 2,
  );
  await until(
    () => deliveries(taken),
    (all) => all.every(({ state }) => state !== "planned"),
  );
  expect(await deliveries(taken)).toEqual([
    { step: 0, repeat: 0, state: "sent" },
    { step: 0, repeat: 1, state: "cancelled" },
    { step: 1, repeat: 0, state: "cancelled" },
  ]);
  const heard = looker.heard.flatMap((event) => (event.type === "agent" ? [[event.event, event.trouble.id]] : []));
  expect(heard).toContainEqual(["acknowledged", taken]);

  await end();
  await until(
    () => receiver.received.map(({ body }) => [body.type, body.data.trouble.id].join()),
    (all) => all.includes(`agent_recovered,${taken}`),
  );
});

test("what was acknowledged stays so as it was said first, and what is over cannot be", async () => {
  const path = "/v1/agent-troubles/trb_left/acknowledge";
  expect((await coordinator.call("POST", path)).body).toMatchObject({ acknowledgedBy: null, note: null });
  expect((await coordinator.call("POST", path, { by: "mallory" })).body).toMatchObject({ acknowledgedBy: null });
  expect((await coordinator.call("POST", "/v1/agent-troubles/trb_taken/acknowledge", {})).status).toBe(409);
  expect((await coordinator.call("POST", "/v1/agent-troubles/trb_none/acknowledge", {})).status).toBe(404);
  expect((await coordinator.call("POST", path, { by: 1 })).status).toBe(422);
  expect((await coordinator.call("GET", "/v1/audit")).body.data[0]).toMatchObject({
    action: "agent-troubles.acknowledge",
    subject: "trb_left",
  });
  expect((await cli("agents", "troubles")).out).toMatch(/trb_left +eu +trb_left +lagging +\S+.* yes +Late\./);
});
