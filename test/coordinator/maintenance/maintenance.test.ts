import pg from "pg";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { Check } from "../../../shared/check.ts";
import type { TestCoordinator } from "../../support/coordinator.ts";
import { startTestCoordinator } from "../../support/coordinator.ts";
import { makeMonitor } from "../../support/first-checks.ts";
import type { HandAgent } from "../../support/hand-agent.ts";
import { startHandAgent } from "../../support/hand-agent.ts";
import { until } from "../../support/until.ts";

const down = { status: "down", error: { code: "connect_refused", message: "refused" } } as const;

let one: TestCoordinator;
let two: TestCoordinator;
let agents: HandAgent[];
let database: pg.Client;

beforeAll(async () => {
  one = await startTestCoordinator();
  two = await one.another();
  agents = await Promise.all(["eu-west", "us-east"].map((region) => startHandAgent(one, region)));
  await until(
    () => two.call("GET", "/v1/regions"),
    ({ body }) => body.data.length === 2 && body.data.every((region: any) => region.agents.online === 1),
  );
  database = new pg.Client({ connectionString: one.databaseUrl });
  await database.connect();
});
afterAll(async () => {
  await database?.end();
  await Promise.all((agents ?? []).map((agent) => agent.stop()));
  await two?.stop();
  await one?.stop();
});

/** A monitor and, per region, its first check. */
const make = (document: object = {}) => makeMonitor(one, agents, document);

/** Answers a check as if it were made now, later than all others of it. */
const answer = (checks: readonly Check[], found: object) =>
  Promise.all(
    checks.map((check, n) => {
      const ms = Date.now() - check.scheduledAt;
      return agents[n]?.answer({ ...check, scheduledAt: check.scheduledAt + ms, attempt: check.attempt + ms }, found);
    }),
  );

const verdictOf = async (id: string) => (await one.call("GET", `/v1/monitors/${id}`)).body.status.verdict;
const shows = (id: string, verdict: string) =>
  until(
    () => verdictOf(id),
    (shown) => shown === verdict,
  );
const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();
const justNow = () => new Date(Date.now() - 1_000).toISOString();

async function begin(choice: object, to = inAnHour()): Promise<string> {
  const window = { name: "Upgrade", ...choice, when: { once: { from: justNow(), to } } };
  const { status, body } = await one.call("POST", "/v1/maintenance", window);
  expect({ status, body }).toMatchObject({ status: 201, body: { active: true, next: { to } } });
  onTestFinished(async () => void (await one.call("DELETE", `/v1/maintenance/${body.id}`)));
  return body.id;
}

const rowsOf = async (table: "incidents" | "notices" | "verdict_changes", id: string) =>
  (await database.query(`SELECT * FROM ${table} WHERE monitor_id = $1`, [id])).rows;
/** How each region was last seen. */
const sides = async (id: string) =>
  Object.values((await one.call("GET", `/v1/monitors/${id}`)).body.status.regions).map((region: any) => region.status);

async function failsInMaintenance(id: string, first: readonly Check[]): Promise<void> {
  await answer(first, down);
  await until(
    () => sides(id),
    (seen) => seen.every((side) => side === "down"),
  );
  expect(await verdictOf(id)).toBe("maintenance");
}

const questions = (id: string) =>
  agents.flatMap(({ checks }) => checks.filter(({ monitorId, attempt }) => monitorId === id && attempt > 0)).length;

test("what fails in maintenance is kept quiet, and is an incident when it still fails at the end", async () => {
  const { id, first } = await make();
  await answer(first, {});
  await shows(id, "up");
  const to = new Date(Date.now() + 4_000).toISOString();
  await begin({ monitors: [id] }, to);
  await shows(id, "maintenance");
  const asked = questions(id);
  await failsInMaintenance(id, first);
  expect(Date.now()).toBeLessThan(Date.parse(to));
  expect([await rowsOf("incidents", id), await rowsOf("notices", id), questions(id)]).toEqual([[], [], asked]);

  await shows(id, "down");
  const incidents = await rowsOf("incidents", id);
  expect(incidents).toMatchObject([{ level: "down", kind: "global", resolved_at: null }]);
  expect(incidents[0].confirmed_at.getTime()).toBeGreaterThanOrEqual(Date.parse(to));
  expect(await rowsOf("notices", id)).toMatchObject([{ event: "down", incident_id: incidents[0].id }]);
  const changes = (await rowsOf("verdict_changes", id)).sort((a, b) => a.at - b.at);
  expect(changes.map(({ verdict }) => verdict)).toEqual(["unknown", "up", "maintenance", "up", "down"]);
  expect(changes[3].at.getTime()).toBeGreaterThanOrEqual(Date.parse(to));
  expect(changes[3].at.getTime()).toBeLessThan(Date.parse(to) + 3_000);
});

describe("ends at once", () => {
  test.each([
    ["removed", (path: string) => two.call("DELETE", path)],
    ["switched off", (path: string) => two.call("PATCH", path, { enabled: false })],
    ["shortened", (path: string) => two.call("PATCH", path, { when: { once: { to: new Date().toISOString() } } })],
    ["left to others", (path: string) => two.call("PATCH", path, { monitors: [], tags: ["other"] })],
  ])("when its window is %s, and what recovered meanwhile is told of", async (_, change) => {
    const { id, first } = await make({ tags: ["shop"] });
    await answer(first, down);
    await shows(id, "down");
    const window = await begin({ tags: ["shop"] });
    await shows(id, "maintenance");
    await answer(first, {});
    await until(
      () => sides(id),
      (seen) => seen.every((side) => side === "up"),
    );
    expect(await rowsOf("incidents", id)).toMatchObject([{ resolved_at: null }]);
    expect((await change(`/v1/maintenance/${window}`)).status).toBeLessThan(300);
    await shows(id, "up");
    expect(await rowsOf("incidents", id)).toMatchObject([{ resolution: "recovered" }]);
    expect((await rowsOf("notices", id)).map(({ event }) => event).sort()).toEqual(["down", "up"]);
  });
});

test("overlapping windows are one: it ends when the last of them does", async () => {
  const { id, first } = await make();
  await answer(first, {});
  await shows(id, "up");
  const windows = [await begin({ monitors: [id] }), await begin({ types: ["tcp"] })];
  await shows(id, "maintenance");
  await one.call("DELETE", `/v1/maintenance/${windows[0]}`);
  await failsInMaintenance(id, first);
  await one.call("DELETE", `/v1/maintenance/${windows[1]}`);
  await shows(id, "down");
});

test("a pause goes before maintenance, and a monitor made or resumed in it is in it", async () => {
  await begin({});
  const { id } = await make();
  await shows(id, "maintenance");
  await one.call("PATCH", `/v1/monitors/${id}`, { enabled: false });
  expect(await verdictOf(id)).toBe("paused");
  await two.call("PATCH", `/v1/monitors/${id}`, { enabled: true });
  await shows(id, "maintenance");
});

test("a window that ended or was made while no coordinator ran is noticed by the next", async () => {
  // It keeps the stores; the second does the work, and is stopped in between.
  const keeper = await startTestCoordinator("redis", { roles: ["api"] });
  onTestFinished(() => keeper.stop());
  const worker = await keeper.another();
  const monitor = { name: "Alone", type: "tcp", interval: "1h", tcp: { host: "127.0.0.1", port: 9 } };
  const { body } = await keeper.call("POST", "/v1/monitors", monitor);
  const shown = async () => (await keeper.call("GET", `/v1/monitors/${body.id}`)).body.status.verdict;
  const window = { name: "Upgrade", when: { once: { from: justNow(), to: inAnHour() } } };
  const { body: made } = await keeper.call("POST", "/v1/maintenance", window);
  await until(shown, (verdict) => verdict === "maintenance");
  await worker.stop();

  await keeper.call("DELETE", `/v1/maintenance/${made.id}`);
  expect(await shown()).toBe("maintenance");
  const next = await keeper.another();
  onTestFinished(() => next.stop());
  await until(shown, (verdict) => verdict === "unknown");
});
