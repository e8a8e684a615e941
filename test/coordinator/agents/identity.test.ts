import { once } from "node:events";
import { Client } from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { WebSocket } from "ws";
import { hashSecret, redisPassword, writeBearer } from "../../../shared/agent-secret.ts";
import { newId, newSecret } from "../../../shared/id.ts";
import { CLOSE_REFUSED } from "../../../shared/link.ts";
import { agentLink } from "../../support/agent-link.ts";
import type { TestCoordinator } from "../../support/coordinator.ts";
import { startTestCoordinator } from "../../support/coordinator.ts";

let coordinator: TestCoordinator;
let database: Client;
beforeAll(async () => {
  coordinator = await startTestCoordinator("redis", { agentToken: null });
  database = new Client({ connectionString: coordinator.databaseUrl });
  await database.connect();
});
afterAll(async () => {
  await database?.end();
  await coordinator?.stop();
});

async function credential(region = "eu-west") {
  const [agentId, secret] = [newId("agt"), newSecret("wps")];
  await database.query(
    "INSERT INTO agent_credentials (agent_id, region, secret_hash, redis_password_hash) VALUES ($1, $2, $3, $4)",
    [agentId, region, hashSecret(secret), hashSecret(redisPassword(secret))],
  );
  return { agentId, secret, region };
}
type Credential = Awaited<ReturnType<typeof credential>>;

const linkOf = (bearer: Credential, url = coordinator.url) => agentLink(url, writeBearer(bearer));

async function statusOf(socket: WebSocket): Promise<number> {
  socket.on("error", () => undefined);
  const [, response] = await once(socket, "unexpected-response");
  response.destroy();
  return response.statusCode;
}

/** Says hello, and what comes of it: the first message or the close code. */
async function hello(socket: WebSocket, agentId: string, region: string): Promise<unknown> {
  if (socket.readyState !== socket.OPEN) await once(socket, "open");
  const outcome = Promise.race([
    once(socket, "message").then(([data]) => JSON.parse(String(data)).type),
    once(socket, "close").then(([code]) => code),
  ]);
  socket.send(JSON.stringify({ type: "hello", v: 1, agentId, region, version: "1", host: "h", node: "20" }));
  return outcome;
}

test("an enrolled agent is linked by its own credential, also with several processes", async () => {
  const agent = await credential();
  const [first, second] = [linkOf(agent), linkOf(agent)];
  expect(await hello(first, agent.agentId, agent.region)).toBe("welcome");
  expect(await hello(second, `${agent.agentId}-2`, agent.region)).toBe("welcome");
  first.terminate();
  second.terminate();
});

test("it speaks for nobody else and for no other region", async () => {
  const [agent, other] = [await credential(), await credential()];
  expect(await hello(linkOf(agent), other.agentId, agent.region)).toBe(CLOSE_REFUSED);
  expect(await hello(linkOf(agent), `${agent.agentId}x`, agent.region)).toBe(CLOSE_REFUSED);
  expect(await hello(linkOf(agent), agent.agentId, "us-east")).toBe(CLOSE_REFUSED);
});

test("another's secret, an unknown id and a token that agents would share are refused", async () => {
  const [agent, other] = [await credential(), await credential()];
  expect(await statusOf(linkOf({ ...agent, secret: other.secret }))).toBe(401);
  expect(await statusOf(linkOf({ ...agent, agentId: newId("agt") }))).toBe(401);
  expect(await statusOf(agentLink(coordinator.url))).toBe(401);
});

test("a revoked agent is cut off within 2 s on every coordinator, and does not come back", async () => {
  const another = await coordinator.another();
  try {
    const agent = await credential();
    const links = [linkOf(agent), linkOf(agent, another.url)];
    for (const link of links) expect(await hello(link, agent.agentId, agent.region)).toBe("welcome");
    const closed = Promise.all(links.map((link) => once(link, "close")));
    const revokedAt = performance.now();
    await database.query("UPDATE agent_credentials SET revoked_at = now() WHERE agent_id = $1", [agent.agentId]);
    expect((await closed).map(([code]) => code)).toEqual([CLOSE_REFUSED, CLOSE_REFUSED]);
    expect(performance.now() - revokedAt).toBeLessThan(2_000);
    expect(await statusOf(linkOf(agent))).toBe(401);
    expect(await statusOf(linkOf(agent, another.url))).toBe(401);
    const later = await coordinator.another();
    expect(await statusOf(linkOf(agent, later.url))).toBe(401);
    await later.stop();
  } finally {
    await another.stop();
  }
});

test("a revocation that a coordinator could not hear of is noticed when it hears again", async () => {
  const agent = await credential();
  const link = linkOf(agent);
  expect(await hello(link, agent.agentId, agent.region)).toBe("welcome");
  const closed = once(link, "close");
  // Without the trigger nobody is told.
  await database.query("ALTER TABLE agent_credentials DISABLE TRIGGER USER");
  await database.query("UPDATE agent_credentials SET revoked_at = now() WHERE agent_id = $1", [agent.agentId]);
  await database.query("ALTER TABLE agent_credentials ENABLE TRIGGER USER");
  await database.query(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'watchpost changes' AND datname = current_database()",
  );
  expect((await closed)[0]).toBe(CLOSE_REFUSED);
});

test("a link that the store cannot be asked about is to be tried again, unless the agent was seen before", async () => {
  const [seen, unseen] = [await credential(), await credential()];
  const first = linkOf(seen);
  expect(await hello(first, seen.agentId, seen.region)).toBe("welcome");
  first.terminate();
  await database.query("ALTER TABLE agent_credentials RENAME TO gone");
  try {
    const second = linkOf(seen);
    expect(await hello(second, seen.agentId, seen.region)).toBe("welcome");
    second.terminate();
    expect(await statusOf(linkOf(unseen))).toBe(503);
  } finally {
    await database.query("ALTER TABLE gone RENAME TO agent_credentials");
  }
});

test("the next secret is good beside the last until it has been used, and alone from then on", async () => {
  const agent = await credential();
  const next = { ...agent, secret: newSecret("wps") };
  await database.query(
    `UPDATE agent_credentials SET next_secret_hash = $2, next_redis_password_hash = $3, next_generation = 2,
       next_issued_at = now(), rotation_asked_at = now() WHERE agent_id = $1`,
    [agent.agentId, hashSecret(next.secret), hashSecret(redisPassword(next.secret))],
  );
  const last = linkOf(agent);
  expect(await hello(last, agent.agentId, agent.region)).toBe("welcome");
  last.terminate();
  await database.query("LISTEN watchpost_agents");
  const adopted = once(database, "notification");
  const link = linkOf(next);
  expect(await hello(link, agent.agentId, agent.region)).toBe("welcome");
  link.terminate();
  expect((await adopted)[0].payload).toBe(agent.agentId);
  expect(await statusOf(linkOf(agent))).toBe(401);
  const again = linkOf(next);
  expect(await hello(again, agent.agentId, agent.region)).toBe("welcome");
  again.terminate();
});
