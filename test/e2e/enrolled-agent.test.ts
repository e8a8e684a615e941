import { once } from "node:events";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { redisUser, writeBearer } from "../../shared/agent-secret.ts";
import { agentLink } from "../support/agent-link.ts";
import type { AgentProcess } from "../support/agent-process.ts";
import type { TestCoordinator } from "../support/coordinator.ts";
import { startTestCoordinator } from "../support/coordinator.ts";
import { type EnrolledAgent, enrolledAgent } from "../support/enrolled-agent.ts";
import { freePort } from "../support/servers.ts";
import { httpTarget, type Target } from "../support/targets.ts";
import { until } from "../support/until.ts";

const MONITORS = 10;

let coordinator: TestCoordinator;
let target: Target;
let enrolled: EnrolledAgent;
let agent: AgentProcess;
beforeAll(async () => {
  [coordinator, target] = await Promise.all([
    startTestCoordinator("redis", { agentToken: null }),
    httpTarget((_, response) => response.end("ok")),
  ]);
  enrolled = await enrolledAgent(coordinator, "eu-west");
  agent = enrolled.start();
});
afterAll(async () => {
  await agent?.end("SIGKILL");
  await Promise.all([coordinator?.stop(), target?.stop(), enrolled?.remove()]);
});

const row = async () => (await coordinator.call("GET", `/v1/agents/${enrolled.agentId}`)).body;

async function linkStatus(bearer: { agentId: string; secret: string }): Promise<number> {
  const socket = agentLink(coordinator.url, writeBearer(bearer));
  socket.on("error", () => undefined);
  const status = await Promise.race([
    once(socket, "open").then(() => 101),
    once(socket, "unexpected-response").then(([, response]) => response.statusCode),
  ]);
  socket.terminate();
  return status;
}

test("a new secret takes the place of the old one, and no check is lost", async () => {
  await until(row, ({ online }) => online === true, { withinMs: 20_000 });
  const ids: string[] = [];
  for (let n = 0; n < MONITORS; n++) {
    const { body } = await coordinator.call("POST", "/v1/monitors", {
      name: `M${n}`,
      type: "http",
      interval: "1s",
      timeout: "1s",
      http: { url: `http://127.0.0.1:${target.port}/${n}` },
    });
    ids.push(body.id);
  }
  const stored = async (id: string, from: string) =>
    (await coordinator.call("GET", `/v1/monitors/${id}/results?from=${from}&limit=1000`)).body.data;
  const newest = async () => Promise.all(ids.map(async (id) => (await stored(id, new Date(0).toISOString())).length));
  await until(newest, (counts) => Math.min(...counts) >= 2, { withinMs: 20_000 });

  const from = new Date(Math.ceil(Date.now() / 1_000) * 1_000).toISOString();
  for (const generation of [2, 3]) {
    const { status } = await coordinator.call("POST", `/v1/agents/${enrolled.agentId}/rotate`, {});
    expect(status).toBe(202);
    await until(row, ({ enrollment }) => enrollment.generation === generation && !enrollment.rotating);
  }
  expect(await linkStatus(enrolled.credential)).toBe(401);
  const { options, prefix } = coordinator.queueServer as Extract<typeof coordinator.queueServer, { kind: "redis" }>;
  const redis = new Redis({ ...options, maxRetriesPerRequest: 0 });
  const user = redisUser(prefix, enrolled.agentId);
  // Its connections, all made with the first secret, come back with the last.
  expect(await redis.call("CLIENT", "KILL", "USER", user)).toBeGreaterThan(1);
  const described = (await redis.call("ACL", "GETUSER", user)) as unknown[];
  expect(described[described.indexOf("passwords") + 1]).toHaveLength(1);
  redis.disconnect();
  // What it keeps is what it starts with.
  const counts = await newest();
  await until(newest, (now) => now.every((count, n) => count > (counts[n] ?? 0) + 4), { withinMs: 15_000 });
  const to = new Date(Math.floor(Date.now() / 1_000) * 1_000 - 2_000).toISOString();
  await until(
    async () => Promise.all(ids.map((id) => coordinator.call("GET", `/v1/monitors/${id}/stats?from=${from}&to=${to}`))),
    (answers) => answers.every(({ body }) => body.total.scheduled > 0 && body.total.results === body.total.scheduled),
  );
  await agent.end("SIGTERM");
  agent = enrolled.start();
  await until(agent.output, (output) => output.includes("Linked to the coordinator"), { withinMs: 20_000 });
  const { body: audit } = await coordinator.call("GET", `/v1/audit?subject=${enrolled.agentId}`);
  expect(audit.data.map(({ action }: { action: string }) => action)).toEqual([
    "agents.rotated",
    "agents.rotate",
    "agents.rotated",
    "agents.rotate",
    "agents.enroll",
  ]);
});

test("several processes of one agent take the new secret together, and are cut off together", async () => {
  const several = await enrolledAgent(coordinator, "us-east");
  const parent = several.start({ WATCHPOST_AGENT_PROCESSES: "2" });
  try {
    const ids = [1, 2].map((number) => `${several.agentId}-${number}`);
    const states = async () => {
      const { body } = await coordinator.call("GET", "/v1/agents");
      return ids.map((id) => body.data.find((one: { id: string }) => one.id === id));
    };
    await until(states, (rows) => rows.every((one) => one?.online), { withinMs: 30_000 });
    await coordinator.call("POST", `/v1/agents/${several.agentId}/rotate`, {});
    await until(states, (rows) => rows.every(({ enrollment }) => enrollment.generation === 2));
    const links = () => parent.output().match(/"Linked to the coordinator"/g)?.length ?? 0;
    await until(links, (count) => count === 4);
    expect(parent.output()).not.toContain("HTTP status 401");
    await coordinator.call("DELETE", `/v1/agents/${ids[1]}`);
    await until(
      () => parent.output().match(/This agent is refused/g)?.length,
      (count) => count === 2,
      { withinMs: 15_000 },
    );
    expect(await parent.end("SIGTERM")).toBe(0);
  } finally {
    await parent.end("SIGKILL");
    await several.remove();
  }
});

test("an agent that is revoked is cut off, says so, stays, and tries again seldom", async () => {
  await until(row, ({ online }) => online === true, { withinMs: 20_000 });
  const before = agent.output().length;
  const revokedAt = performance.now();
  expect((await coordinator.call("DELETE", `/v1/agents/${enrolled.agentId}`)).status).toBe(204);
  await until(
    () => agent.output().slice(before),
    (output) => output.includes("this agent has been revoked"),
  );
  expect(performance.now() - revokedAt).toBeLessThan(2_000);
  const output = await until(
    () => agent.output().slice(before),
    (text) => text.includes("This agent is refused"),
    { withinMs: 15_000 },
  );
  const refusals = output.split("\n").filter((line) => /HTTP status 401|has been revoked/.test(line));
  expect(refusals.length).toBeLessThan(8);
  // It lives on.
  expect(output).not.toMatch(/"level":"fatal"|cannot go on/);
  const [, retryInMs] = /"retryInMs":(\d+)[^\n]*This agent is refused/.exec(output) ?? [];
  expect(Number(retryInMs)).toBeGreaterThan(5_000);
  expect(await row()).toMatchObject({ state: "revoked", online: false });
  // It is still there, and leaves when it is asked to.
  expect(await agent.end("SIGTERM")).toBe(0);

  const port = await freePort();
  agent = enrolled.start({ WATCHPOST_HEALTH_PORT: String(port) });
  await until(agent.output, (text) => text.includes("This agent is refused"), { withinMs: 15_000 });
  const readyz = () => fetch(`http://127.0.0.1:${port}/readyz`).then((response) => response.json());
  await until(
    () => readyz().catch(() => null),
    (answer: any) => answer?.checks.link.reason?.includes("refuses this agent: HTTP status 401"),
  );
  expect(await agent.end("SIGTERM")).toBe(0);
});
