import { afterEach, beforeEach, expect, test } from "vitest";
import type { Check } from "../../shared/check.ts";
import type { TestCoordinator } from "../support/coordinator.ts";
import { startTestCoordinator } from "../support/coordinator.ts";
import type { HandAgent } from "../support/hand-agent.ts";
import { startHandAgent } from "../support/hand-agent.ts";
import type { Relay } from "../support/relay.ts";
import { startRelay } from "../support/relay.ts";
import { until } from "../support/until.ts";

let home: TestCoordinator;
let coordinator: TestCoordinator;
let agent: HandAgent;
let relays: { postgres: Relay; clickhouse: Relay };

/** A coordinator whose stores can be cut off, beside one without work that asks them directly. */
beforeEach(async () => {
  home = await startTestCoordinator("redis", { roles: ["api"] });
  const [postgres, clickhouse] = await Promise.all([startRelay(home.databaseUrl), startRelay(home.clickhouseUrl)]);
  relays = { postgres, clickhouse };
  coordinator = await home.another({ databaseUrl: postgres.url, clickhouseUrl: clickhouse.url });
  agent = await startHandAgent(coordinator, "eu-west");
  await until(
    () => coordinator.call("GET", "/v1/regions"),
    ({ body }) => body.data[0]?.agents.online === 1,
  );
});
afterEach(async () => {
  relays.postgres.mend();
  relays.clickhouse.mend();
  await agent.stop();
  await coordinator.stop();
  await Promise.all([relays.postgres.stop(), relays.clickhouse.stop()]);
  await home.stop();
});

async function make(interval: string) {
  const document = { name: "Outage", type: "tcp", interval, tcp: { host: "127.0.0.1", port: 9 } };
  const { body } = await home.call("POST", "/v1/monitors", document);
  const path = `/v1/monitors/${body.id}`;
  const own = () => agent.checks.filter(({ monitorId }) => monitorId === body.id);
  await until(own, (checks) => checks.length > 0);
  return {
    own,
    stored: async () => (await home.call("GET", `${path}/results`)).body.data,
    verdict: async () => (await home.call("GET", path)).body.status.verdict,
  };
}

test("with ClickHouse away verdicts come as ever, and the results when it is back", async () => {
  const { own, stored, verdict } = await make("1h");
  const [check] = own() as [Check];
  relays.clickhouse.cut();
  await agent.answer(check);
  await until(verdict, (now) => now === "up", { withinMs: 2_000 });
  await agent.answer({ ...check, attempt: check.attempt + 1 }, { status: "down" });
  await until(verdict, (now) => now === "down", { withinMs: 2_000 });
  await until(
    () => coordinator.call("GET", "/metrics"),
    ({ body }) => /^watchpost_spool_blocks [1-9]/m.test(body),
  );
  expect(await stored()).toEqual([]);
  relays.clickhouse.mend();
  // The two, and the one that confirmed.
  await until(stored, (rows) => rows.length === 3);
});

test("with PostgreSQL away checks go on and results are stored, and the verdict follows when it is back", async () => {
  const { own, stored, verdict } = await make("1s");
  await agent.answer(own()[0] as Check);
  await until(verdict, (now) => now === "up");
  relays.postgres.cut();
  const before = own().length;
  await until(own, (checks) => checks.length >= before + 5);
  const due = own().slice(-3);
  for (const check of due) await agent.answer(check, { status: "down" });
  const rounds = () => stored().then((rows) => new Set(rows.map(({ round }: { round: number }) => round)));
  await until(rounds, (found) => due.every(({ round }) => found.has(round)));
  expect(await verdict()).toBe("up");
  relays.postgres.mend();
  const goOn = async () => {
    await agent.answer(own().at(-1) as Check, { status: "down" });
    return await verdict();
  };
  await until(goOn, (now) => now === "down");
});
