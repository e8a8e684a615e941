import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { AgentProcess } from "../support/agent-process.ts";
import { startAgentProcess } from "../support/agent-process.ts";
import type { TestCoordinator } from "../support/coordinator.ts";
import { startTestCoordinator } from "../support/coordinator.ts";
import { until } from "../support/until.ts";

let coordinator: TestCoordinator;
let agent: AgentProcess;
let isSilent = false;
/** What the agent's operator trusts to be there. */
const anchor = createServer((_, response) => {
  if (!isSilent) response.writeHead(204).end();
});

beforeAll(async () => {
  anchor.listen(0, "127.0.0.1");
  await once(anchor, "listening");
  coordinator = await startTestCoordinator("redis", { regionCleanS: 1 });
  agent = startAgentProcess(coordinator, "eu-west", "agt_e2e", {
    WATCHPOST_CANARIES: `http://127.0.0.1:${(anchor.address() as AddressInfo).port}/`,
  });
  await until(
    () => coordinator.call("GET", "/v1/regions"),
    ({ body }) => body.data[0]?.agents.online === 1,
  );
});
afterAll(async () => {
  await agent?.end("SIGTERM");
  anchor.closeAllConnections();
  anchor.close();
  await coordinator?.stop();
});

test("an agent that is cut off says nothing of its targets, and its region has no vote until it is back", async () => {
  const document = { name: "Closed", type: "tcp", interval: "1s", timeout: "1s", tcp: { host: "127.0.0.1", port: 1 } };
  const { body } = await coordinator.call("POST", "/v1/monitors", document);
  const status = async () => (await coordinator.call("GET", `/v1/monitors/${body.id}`)).body.status;
  const region = async () => (await coordinator.call("GET", "/v1/regions")).body.data[0];
  await until(status, ({ verdict }) => verdict === "down");
  expect((await region()).impaired).toBeNull();

  isSilent = true;
  const cutOff = await until(status, ({ regions }) => regions["eu-west"].status === "error");
  expect(cutOff.regions["eu-west"].error.code).toBe("agent_network");
  const { impaired } = await until(region, (one) => one.impaired !== null, { withinMs: 30_000 });
  expect(impaired.reason).toMatch(/canaries fail: anchor 127\.0\.0\.1:\d+/);
  await until(status, ({ verdict }) => verdict === "unknown");

  isSilent = false;
  await until(region, (one) => one.impaired === null, { withinMs: 30_000 });
  await until(status, ({ verdict }) => verdict === "down");
}, 90_000);
