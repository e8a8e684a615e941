import { afterAll, beforeAll, expect, test } from "vitest";
import type { LiveEvent } from "../../../coordinator/http/api-types.ts";
import type { TestCoordinator } from "../../support/coordinator.ts";
import { adminToken, startTestCoordinator } from "../../support/coordinator.ts";
import type { HandAgent } from "../../support/hand-agent.ts";
import { startHandAgent } from "../../support/hand-agent.ts";
import type { LiveClient } from "../../support/live-client.ts";
import { lookOn } from "../../support/live-client.ts";
import { until } from "../../support/until.ts";

const down = { status: "down", error: { code: "connect_refused", message: "refused" } } as const;

let first: TestCoordinator;
let second: TestCoordinator;
let agent: HandAgent;
beforeAll(async () => {
  // Results are taken in, and judged, by the first alone.
  first = await startTestCoordinator();
  second = await first.another({ roles: ["api"] });
  agent = await startHandAgent(first, "eu-west");
  await until(
    () => first.call("GET", "/v1/regions"),
    ({ body }) => body.data.some((region: any) => region.agents.online === 1),
  );
});
afterAll(async () => {
  await agent?.stop();
  await second?.stop();
  await first?.stop();
});

const hears = (client: LiveClient, passes: (event: LiveEvent) => boolean) =>
  until(
    () => client.heard.find(passes),
    (event) => event !== undefined,
  );

test("who looks on at one coordinator hears what happens at another: monitors, verdicts, incidents, people", async () => {
  const client = await lookOn(second.url, adminToken);
  await hears(client, ({ type }) => type === "welcome");
  const { id: monitorId } = (
    await first.call("POST", "/v1/monitors", {
      name: "Shop",
      type: "tcp",
      interval: "1h",
      tcp: { host: "127.0.0.1", port: 9 },
    })
  ).body;
  await hears(
    client,
    (event) => event.type === "monitor" && event.event === "changed" && event.monitorId === monitorId,
  );

  const check = await until(
    () => agent.checks.find((check) => check.monitorId === monitorId),
    (check) => check,
  );
  await agent.answer(check as never, down);
  const doubt = await hears(client, (event) => event.type === "verdict" && event.suspected);
  // A doubt is told when it begins, and not dated back to the verdict that it is about.
  expect(doubt).toMatchObject({ at: expect.any(String), verdict: "unknown" });
  const { at, since } = doubt as Extract<LiveEvent, { type: "verdict" }>;
  expect(Date.parse(at)).toBeGreaterThan(Date.parse(since));
  const verdict = await hears(client, (event) => event.type === "verdict" && event.verdict === "down");
  expect(verdict).toMatchObject({ monitorId, monitorName: "Shop", suspected: false, flapping: false });
  const opened = await hears(client, (event) => event.type === "incident" && event.event === "opened");
  expect(opened).toMatchObject({
    incident: { monitorId, monitorName: "Shop", state: "open", level: "down", regions: ["eu-west"] },
  });

  const { id } = (opened as Extract<LiveEvent, { type: "incident" }>).incident;
  await first.call("POST", `/v1/incidents/${id}/acknowledge`, { by: "Ada" });
  expect(await hears(client, (event) => event.type === "incident" && event.event === "acknowledged")).toMatchObject({
    data: { by: "Ada" },
    incident: { id, acknowledgedBy: "Ada" },
  });
  await first.call("DELETE", `/v1/monitors/${monitorId}`);
  await hears(client, (event) => event.type === "monitor" && event.event === "removed");
  client.stop();
});

test("a wrong token is refused before anything is said, and one that leaves is forgotten", async () => {
  await expect(lookOn(first.url, "wrong-token-of-some-length")).rejects.toThrow("401");
  const client = await lookOn(first.url, adminToken);
  const count = async () => /^watchpost_live_clients (\d+)$/m.exec((await first.call("GET", "/metrics")).body)?.[1];
  await until(count, (clients) => clients === "1");
  client.stop();
  await until(count, (clients) => clients === "0");
});

test("those who look on are told when the coordinator stops", async () => {
  const third = await first.another({ roles: ["api"] });
  const client = await lookOn(third.url, adminToken);
  await third.stop();
  expect(await client.closed).toBe(1001);
});
