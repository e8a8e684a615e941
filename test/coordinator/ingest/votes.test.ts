import { afterAll, beforeAll, expect, test } from "vitest";
import { openPostgres, type Postgres } from "../../../coordinator/store/postgres.ts";
import type { Check } from "../../../shared/check.ts";
import { createLogger } from "../../../shared/logger.ts";
import type { Result } from "../../../shared/result.ts";
import { startTestCoordinator, type TestCoordinator } from "../../support/coordinator.ts";
import { aResult, type HandAgent, startHandAgent } from "../../support/hand-agent.ts";
import { until } from "../../support/until.ts";

const refused = { status: "down", error: { code: "connect_refused", message: "refused" } } as const;

let coordinator: TestCoordinator;
let postgres: Postgres;
let agent: HandAgent;
let monitorId: string;

const verdict = async (): Promise<string> =>
  (await coordinator.call("GET", `/v1/monitors/${monitorId}`)).body.status.verdict;
const told = async () => (await postgres.query("SELECT event FROM notices")).rows.map(({ event }) => event);
const verdicts = async () =>
  (await postgres.query("SELECT verdict FROM verdict_changes ORDER BY at")).rows.map((row) => row.verdict);
const figure = async (name: string): Promise<number> => {
  const { body } = await coordinator.call("GET", "/metrics");
  return Number(new RegExp(`^watchpost_${name} (\\d+)$`, "m").exec(body)?.[1] ?? 0);
};

beforeAll(async () => {
  coordinator = await startTestCoordinator("redis");
  postgres = openPostgres(coordinator.databaseUrl, createLogger({ level: "silent", name: "test" }));
  agent = await startHandAgent(coordinator, "eu-west", { finds: () => ({}) });
  await until(
    () => coordinator.call("GET", "/v1/regions"),
    ({ body }) => body.data[0]?.agents.online === 1,
  );
  const { body } = await coordinator.call("POST", "/v1/monitors", {
    name: "shop",
    type: "tcp",
    interval: "5m",
    timeout: "2s",
    tcp: { host: "shop.example", port: 443 },
  });
  monitorId = body.id;
  await until(verdict, (now) => now === "up");
}, 60_000);

afterAll(async () => {
  await agent?.stop();
  await postgres?.end();
  await coordinator?.stop();
});

test("what a region's agent makes up of checks that are not scheduled, or not due yet, is no vote", async () => {
  const [first] = agent.checks as [Check];
  const dueAt = first.scheduledAt - first.attempt + 1;
  const round = Math.floor(dueAt / 300_000);
  const now = Date.now();
  const forged: Array<Partial<Result>> = [
    { attempt: 0, round: first.round, scheduledAt: now },
    { attempt: 0, round: round + 7, scheduledAt: dueAt },
    { attempt: 9, round: first.round, scheduledAt: now + 30_000 },
  ];
  await agent.send({
    v: 1,
    agentId: agent.id,
    misses: [],
    results: forged.map((changes) => ({ ...aResult(first), startedAt: now, ...refused, ...changes })),
  });
  await until(
    () => figure("results_unasked_total"),
    (count) => count === forged.length,
  );
  // Of what is asked for it is one, as ever.
  await agent.answer({ ...first, scheduledAt: Date.now(), attempt: 10 });
  await until(
    async () => (await postgres.query("SELECT attempt FROM monitor_region_status")).rows,
    ([row]) => Number(row.attempt) === 10,
  );
  expect(await verdicts()).toEqual(["unknown", "up"]);
});

test("a change of what is judged, and a second region that comes up, are no news", async () => {
  await coordinator.call("PATCH", `/v1/monitors/${monitorId}`, { tcp: { host: "new.example", port: 443 } });
  await until(verdicts, (all) => all.length === 4);
  const other = await startHandAgent(coordinator, "us-east", { finds: () => ({}) });
  await until(
    async () => (await postgres.query("SELECT region FROM monitor_region_status")).rows,
    (rows) => rows.length === 2,
    { withinMs: 70_000 },
  );
  expect(await verdicts()).toEqual(["unknown", "up", "unknown", "up"]);
  expect(await told()).toEqual([]);
  await other.stop();
}, 90_000);
