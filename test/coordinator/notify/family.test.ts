import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Check } from "../../../shared/check.ts";
import type { TestCoordinator } from "../../support/coordinator.ts";
import { startTestCoordinator } from "../../support/coordinator.ts";
import type { HandAgent } from "../../support/hand-agent.ts";
import { startHandAgent } from "../../support/hand-agent.ts";
import type { Receiver } from "../../support/receiver.ts";
import { startReceiver } from "../../support/receiver.ts";
import { until } from "../../support/until.ts";

/** Monitors that depend on each other, each checked once an hour: what is known sooner was asked for. */
const down = { status: "down", error: { code: "connect_refused", message: "refused" } } as const;
const broken = new Set<string>();
const finds = ({ monitorId }: Check) => (broken.has(monitorId) ? down : {});

let coordinator: TestCoordinator;
let agents: HandAgent[];
let receiver: Receiver;

beforeAll(async () => {
  [receiver, coordinator] = await Promise.all([startReceiver(), startTestCoordinator()]);
  agents = await Promise.all(["eu", "us"].map((region) => startHandAgent(coordinator, region, { finds })));
  await until(
    () => coordinator.call("GET", "/v1/regions"),
    ({ body }) => body.data.filter((region: any) => region.agents.online === 1).length === 2,
  );
});
afterAll(async () => {
  await Promise.all((agents ?? []).map((agent) => agent.stop()));
  await coordinator?.stop();
  await receiver?.stop();
});

let heardBefore = 0;
beforeEach(async () => {
  broken.clear();
  heardBefore = receiver.received.length;
  for (const list of ["alert-rules", "channels"]) {
    for (const { id } of (await coordinator.call("GET", `/v1/${list}`)).body.data)
      await coordinator.call("DELETE", `/v1/${list}/${id}`);
  }
  const settings = { url: receiver.url, secrets: [`whsec_${Buffer.alloc(32, 7).toString("base64")}`] };
  const made = await coordinator.call("POST", "/v1/channels", { name: "hook", type: "webhook", settings });
  const rule = { name: "all", group: "0s", steps: [{ channels: [made.body.id] }] };
  expect((await coordinator.call("POST", "/v1/alert-rules", rule)).status).toBe(201);
});

const titles = () =>
  receiver.received.slice(heardBefore).map(({ body }) => body.data.title.replace(/ \(after.*/, "") as string);
const verdictOf = async (id: string) => (await coordinator.call("GET", `/v1/monitors/${id}`)).body.status.verdict;
const becomes = (id: string, verdict: string) =>
  until(
    () => verdictOf(id),
    (now) => now === verdict,
  );
const stateOf = async (id: string, event: string) =>
  (await coordinator.call("GET", "/v1/deliveries?limit=200")).body.data.find(
    (one: any) => one.monitorId === id && one.event === event,
  )?.state;

async function make(name: string, dependsOn: readonly string[] = []): Promise<string> {
  const document = { name, type: "tcp", interval: "1h", timeout: "1s", tcp: { host: "127.0.0.1", port: 9 }, dependsOn };
  const { body } = await coordinator.call("POST", "/v1/monitors", document);
  await becomes(body.id, "up");
  return body.id;
}

/** No question that the coordinator asks has an attempt like it, however the instants fall. */
const APART = 1_000_000_000;

/** One region comes to it in its turn. */
async function look(id: string): Promise<void> {
  const [agent] = agents;
  const check = agent?.checks.findLast(({ monitorId }) => monitorId === id) as Check;
  const ms = Date.now() - check.scheduledAt;
  await agent?.answer(
    { ...check, scheduledAt: check.scheduledAt + ms, attempt: check.attempt + ms + APART },
    finds(check),
  );
}

test("who is found down before that which it depends on wakes nobody, over however many others", async () => {
  const router = await make("Router");
  const rack = await make("Switch", [router]);
  const server = await make("Server", [rack]);
  await coordinator.call("PATCH", `/v1/monitors/${rack}`, { enabled: false });
  for (const id of [router, server]) broken.add(id);
  await look(server);
  await becomes(server, "down");
  await becomes(router, "down");
  await until(titles, (all) => all.length > 0);
  expect(titles()).toEqual(["DOWN: Router"]);
  expect(await stateOf(server, "down")).toBe("planned");

  // The router comes back, and the server stays down: now it is the server's own trouble.
  broken.delete(router);
  await look(router);
  await until(titles, (all) => all.length > 2);
  expect(titles().sort()).toEqual(["DOWN: Router", "DOWN: Server", "UP: Router"]);
  broken.clear();
  await look(server);
  await until(titles, (all) => all.includes("UP: Server"));
});

test("who comes back with that which it depends on is not told of, though its own turn is far off", async () => {
  const router = await make("Gate");
  const server = await make("House", [router]);
  for (const id of [router, server]) broken.add(id);
  await look(router);
  await becomes(router, "down");
  await look(server);
  await becomes(server, "down");
  broken.clear();
  await look(router);
  await becomes(server, "up");
  await until(
    () => stateOf(server, "down"),
    (state) => state === "cancelled",
  );
  await until(titles, (all) => all.includes("UP: Gate"));
  expect(titles()).toEqual(["DOWN: Gate", "UP: Gate"]);
});

test("who is down while that which it depends on is well is told of at once", async () => {
  const router = await make("Well");
  const server = await make("Ill", [router]);
  broken.add(server);
  await look(server);
  await until(titles, (all) => all.length > 0, { withinMs: 10_000 });
  expect(titles()).toEqual(["DOWN: Ill"]);
  broken.clear();
  await look(server);
  await until(titles, (all) => all.includes("UP: Ill"));
});
