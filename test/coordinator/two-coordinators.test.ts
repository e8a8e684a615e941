import pg from "pg";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { Check } from "../../shared/check.ts";
import type { TestCoordinator } from "../support/coordinator.ts";
import { startTestCoordinator } from "../support/coordinator.ts";
import type { HandAgent } from "../support/hand-agent.ts";
import { startHandAgent } from "../support/hand-agent.ts";
import { queueKinds } from "../support/shared-servers.ts";
import { until } from "../support/until.ts";

const tcp = { name: "Shared", type: "tcp", interval: "1s", tcp: { host: "127.0.0.1", port: 9 } };

describe.each(queueKinds)("on %s", (kind) => {
  let one: TestCoordinator;
  let two: TestCoordinator;
  let agent: HandAgent;

  beforeAll(async () => {
    one = await startTestCoordinator(kind);
    two = await one.another();
    agent = await startHandAgent(one, "eu-west");
    await until(
      () => two.call("GET", "/v1/regions"),
      ({ body }) => body.data[0]?.agents.online === 1,
    );
  });
  afterAll(async () => {
    await agent?.stop();
    await two?.stop();
    await one?.stop();
  });

  const own = (id: string) => agent.checks.filter(({ monitorId }) => monitorId === id);
  const keys = (checks: readonly Check[]) => checks.map(({ round, attempt }) => `${round}.${attempt}`);

  test("two coordinators push each check once, and both hear of a change", async () => {
    const { body } = await two.call("POST", "/v1/monitors", tcp);
    const checks = await until(
      () => own(body.id),
      (list) => list.length >= 6,
    );
    expect(new Set(keys(checks)).size).toBe(checks.length);
    const rounds = checks.filter(({ attempt }) => attempt === 0).map(({ round }) => round);
    expect(rounds).toEqual(rounds.map((_, n) => (rounds[0] as number) + n));
    await one.call("DELETE", `/v1/monitors/${body.id}`);
  });

  test("a region that comes up checks at once what it would else not come to for a day, once", async () => {
    const { body } = await one.call("POST", "/v1/monitors", { ...tcp, interval: "24h" });
    const newcomer = await startHandAgent(one, "us-east");
    onTestFinished(() => newcomer.stop());
    const { body: other } = await two.call("POST", "/v1/monitors", { ...tcp, interval: "24h" });
    await until(
      () => newcomer.checks.map(({ monitorId }) => monitorId),
      (ids) => ids.includes(body.id) && ids.includes(other.id),
    );
    expect(newcomer.checks.filter(({ monitorId }) => monitorId === body.id)).toHaveLength(1);
  });

  test("a change is heard of though the connection that listens was cut", async () => {
    const postgres = new pg.Client({ connectionString: one.databaseUrl });
    await postgres.connect();
    const cut = await postgres.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'watchpost changes' AND datname = current_database()",
    );
    await postgres.end();
    expect(cut.rowCount).toBe(2);
    const { body } = await one.call("POST", "/v1/monitors", { ...tcp, interval: "24h" });
    const checks = await until(
      () => own(body.id),
      (list) => list.length > 0,
    );
    expect(checks).toHaveLength(1);
  });
});

test("the roles can be split over processes: one schedules, one ingests, one answers", async () => {
  const api = await startTestCoordinator("redis", { roles: ["api"] });
  const [planner, taker] = await Promise.all([
    api.another({ roles: ["schedule"] }),
    api.another({ roles: ["ingest"] }),
  ]);
  const agent = await startHandAgent(api, "eu-west");
  onTestFinished(async () => {
    await agent.stop();
    await Promise.all([planner.stop(), taker.stop()]);
    await api.stop();
  });
  await until(
    () => api.call("GET", "/v1/regions"),
    ({ body }) => body.data[0]?.agents.online === 1,
  );
  const { body } = await api.call("POST", "/v1/monitors", { ...tcp, interval: "1s" });
  const own = () => agent.checks.filter(({ monitorId }) => monitorId === body.id);
  await until(own, (checks) => checks.length > 0);
  await agent.answer(own()[0] as Check);
  await until(
    () => api.call("GET", `/v1/monitors/${body.id}`),
    ({ body }) => body.status.verdict === "up",
  );
  expect((await planner.call("GET", "/v1/monitors")).status).toBe(404);
  expect((await taker.call("GET", "/readyz")).status).toBe(200);
});
