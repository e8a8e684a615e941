import { once } from "node:events";
import { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { WebSocket } from "ws";
import { newId } from "../../../shared/id.ts";
import { CLOSE_REFUSED, LINK_PATH } from "../../../shared/link.ts";
import { createLogger } from "../../../shared/logger.ts";
import { openQueue, resultsQueueName } from "../../../shared/queues.ts";
import type { ResultBatch } from "../../../shared/result.ts";
import { agentLink, idle, openAgentLink } from "../../support/agent-link.ts";
import type { TestCoordinator } from "../../support/coordinator.ts";
import { agentToken, startTestCoordinator } from "../../support/coordinator.ts";
import { startHandAgent } from "../../support/hand-agent.ts";
import { until } from "../../support/until.ts";

let coordinator: TestCoordinator;
beforeAll(async () => {
  coordinator = await startTestCoordinator();
});
afterAll(() => coordinator?.stop());

const hello = { type: "hello", v: 1, agentId: "agt_1", region: "eu-west", version: "1.0.0", host: "h", node: "20" };

async function ask(socket: WebSocket, message: unknown): Promise<any> {
  socket.send(typeof message === "string" ? message : JSON.stringify(message));
  const [data] = await once(socket, "message");
  return JSON.parse(String(data));
}

const agents = async () => (await coordinator.call("GET", "/v1/agents")).body.data;

test.each([
  ["a wrong token", "wrong", LINK_PATH, 401],
  ["the admin's token", "wpa_admin-token-of-the-tests", LINK_PATH, 401],
  ["another path", agentToken, "/agent/else", 404],
])("%s is refused before the upgrade", async (_, token, path, status) => {
  const socket = agentLink(coordinator.url, token, path);
  socket.on("error", () => undefined);
  const [, response] = await once(socket, "unexpected-response");
  expect(response.statusCode).toBe(status);
  response.destroy();
});

test("hello is answered by welcome, a clock sample by the coordinator's time, and the agent is online", async () => {
  const socket = await openAgentLink(coordinator.url);
  expect(await ask(socket, hello)).toEqual({ type: "welcome", v: 1, drained: false });
  const before = Date.now();
  const sample = await ask(socket, { type: "clock", t0: 42 });
  expect(sample).toMatchObject({ type: "clock", t0: 42 });
  expect(sample.t1).toBeGreaterThanOrEqual(before - 5);
  expect(sample.t2).toBeGreaterThanOrEqual(sample.t1);
  expect(sample.t2).toBeLessThanOrEqual(Date.now() + 5);
  const [agent] = await until(agents, (list) => list.length > 0);
  expect(agent).toMatchObject({ id: "agt_1", region: "eu-west", version: "1.0.0", online: true });
  socket.send(JSON.stringify({ type: "draining" }));
  await until(agents, ([agent]) => agent.draining && !agent.online);
  socket.close();
});

test.each([
  ["a heartbeat before hello", { type: "heartbeat", load: {} }],
  ["a region that is no slug", { ...hello, region: "EU" }],
  ["an id with a blank", { ...hello, agentId: "a b" }],
  ["an unknown message", { type: "gossip" }],
  ["what is not JSON", "hello"],
])("%s closes the link for good", async (_, message) => {
  const socket = await openAgentLink(coordinator.url);
  socket.send(typeof message === "string" ? message : JSON.stringify(message));
  const [code, reason] = await once(socket, "close");
  expect([code, String(reason).length > 0]).toEqual([CLOSE_REFUSED, true]);
});

test("a message that is too long and a flood of messages end the link", async () => {
  const long = await openAgentLink(coordinator.url);
  long.send("x".repeat(20_000));
  expect((await once(long, "close"))[0]).toBe(1009);
  const flood = await openAgentLink(coordinator.url);
  for (let n = 0; n < 200; n++) flood.send(JSON.stringify({ type: "clock", t0: n }));
  await once(flood, "close");
});

test("an agent that falls silent is offline within ten seconds", async () => {
  const agent = await startHandAgent(coordinator, "us-east");
  const online = async () => (await agents()).find(({ id }: { id: string }) => id === agent.id)?.online;
  await until(online, (is) => is === true);
  await agent.stop();
  await until(online, (is) => is === false, { withinMs: 12_000 });
});

test("what an agent sends through the results queue counts as a sign of life", async () => {
  const agent = await startHandAgent(coordinator, "sa-east");
  const seenAgo = async () => (await agents()).find(({ id }: { id: string }) => id === agent.id)?.seenAgoMs;
  await until(seenAgo, (ms) => ms < 3_000);
  agent.cutLink();
  await until(seenAgo, (ms) => ms > 3_500);
  await agent.send({ v: 1, agentId: agent.id, results: [], misses: [] });
  await until(seenAgo, (ms) => ms < 3_000);
  await agent.stop();
});

/** An agent that was enrolled and is not linked. */
async function enrol(region: string): Promise<string> {
  const { body } = await coordinator.call("POST", "/v1/enrollment-tokens", { region });
  const told = { token: body.token, host: "h", version: "1", arch: "x64" };
  return (await coordinator.call("POST", "/agent/enroll", told, null)).body.agentId;
}

test.each(["", "-3"])(
  "who shares a token is not taken for an enrolled agent (its id and %j), nor for a revoked one",
  async (more) => {
    const agentId = await enrol("eu-west");
    for (const call of [async () => undefined, () => coordinator.call("DELETE", `/v1/agents/${agentId}`)]) {
      await call();
      const socket = await openAgentLink(coordinator.url);
      socket.send(JSON.stringify({ ...hello, agentId: agentId + more }));
      const [code, reason] = await once(socket, "close");
      expect([code, String(reason)]).toEqual([CLOSE_REFUSED, expect.stringContaining("that of an enrolled agent")]);
    }
    expect(await agents()).toContainEqual(expect.objectContaining({ id: agentId, host: "", state: "revoked" }));
  },
);

test("who shares a token is linked again when it can be told whose id that is", async () => {
  const database = new Client({ connectionString: coordinator.databaseUrl });
  await database.connect();
  await database.query("ALTER TABLE agent_credentials RENAME TO agent_credentials_gone");
  const free = { ...hello, agentId: newId("agt") };
  try {
    const socket = await openAgentLink(coordinator.url);
    socket.send(JSON.stringify(free));
    expect((await once(socket, "close"))[0]).toBe(1013);
  } finally {
    await database.query("ALTER TABLE agent_credentials_gone RENAME TO agent_credentials");
    await database.end();
  }
  const socket = await openAgentLink(coordinator.url);
  expect(await ask(socket, free)).toMatchObject({ type: "welcome" });
  socket.terminate();
});

test("an enrolled agent's results are its own: in another's name they are no sign of life of that, and not taken in", async () => {
  const [hostile, other] = [await enrol("af-south"), await enrol("af-south")];
  const queue = openQueue<ResultBatch>(resultsQueueName("af-south"), {
    server: coordinator.queueServer,
    logger: createLogger({ level: "silent", name: "test" }),
    leastPrivilege: false,
  });
  const batchOf = (agentId: string): ResultBatch => ({ v: 1, agentId, results: [], misses: [] });
  // So that the region has a worker.
  const socket = await openAgentLink(coordinator.url);
  await ask(socket, { ...hello, region: "af-south" });
  socket.terminate();
  await queue.add("results", batchOf(other), { jobId: `${hostile}.job_1` });
  await queue.add("results", batchOf(other), { jobId: `${hostile}-1.job_1` });
  await queue.add("results", batchOf(`${hostile}-2`), { jobId: `${hostile}-2.job_1` });
  await until(agents, (all) => all.some(({ id }: { id: string }) => id === `${hostile}-2`));
  expect(await agents()).toContainEqual(expect.objectContaining({ id: other, seenAgoMs: null }));
  const { body } = await coordinator.call("GET", "/metrics");
  expect(body).toContain('watchpost_quarantined_total{reason="foreign_agent"} 2');
  await queue.close();
});

test("a region that could not be kept at hello is kept at a heartbeat", async () => {
  const database = new Client({ connectionString: coordinator.databaseUrl });
  await database.connect();
  await database.query("ALTER TABLE regions RENAME TO regions_gone");
  const socket = await openAgentLink(coordinator.url);
  try {
    expect(await ask(socket, { ...hello, region: "early" })).toMatchObject({ type: "welcome" });
    await database.query("ALTER TABLE regions_gone RENAME TO regions");
    socket.send(JSON.stringify({ type: "heartbeat", load: idle }));
    await until(
      async () => (await coordinator.call("GET", "/v1/regions")).body.data,
      (regions: Array<{ region: string }>) => regions.some(({ region }) => region === "early"),
    );
  } finally {
    socket.terminate();
    await database.end();
  }
});
