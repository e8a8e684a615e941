import type { Pool } from "pg";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { createReissue, type Reissue } from "../../../coordinator/agents/reissue.ts";
import { type AgentCredentialStore, createAgentCredentialStore } from "../../../coordinator/store/agent-credentials.ts";
import { openPostgres } from "../../../coordinator/store/postgres.ts";
import type { CredentialNews } from "../../../shared/agent-message.ts";
import { hashSecret, redisPassword } from "../../../shared/agent-secret.ts";
import { newId, newSecret } from "../../../shared/id.ts";
import { createLogger } from "../../../shared/logger.ts";
import { startTestCoordinator, type TestCoordinator } from "../../support/coordinator.ts";
import { until } from "../../support/until.ts";

const logger = createLogger({ level: "silent", name: "test" });
let coordinator: TestCoordinator;
let postgres: Pool;
let store: AgentCredentialStore;
/** What became of each step, in order. */
let steps: string[] = [];
const opened: Reissue[] = [];

beforeAll(async () => {
  coordinator = await startTestCoordinator();
  postgres = openPostgres(coordinator.databaseUrl, logger);
  store = createAgentCredentialStore(postgres);
});
afterEach(async () => {
  for (const reissue of opened.splice(0)) await reissue.stop();
  steps = [];
});
afterAll(async () => {
  await postgres?.end();
  await coordinator?.stop();
});

async function agent(): Promise<string> {
  const [agentId, secret] = [newId("agt"), newSecret("wps")];
  await postgres.query(
    "INSERT INTO agent_credentials (agent_id, region, secret_hash, redis_password_hash) VALUES ($1, 'eu-west', $2, $3)",
    [agentId, hashSecret(secret), hashSecret(redisPassword(secret))],
  );
  return agentId;
}

/** A coordinator's part in it, and what it has told agents. */
function open({ linked = (): boolean => true, patienceMs = 60_000, from = store } = {}) {
  const told: CredentialNews[] = [];
  const reissue = createReissue({
    store: from,
    links: {
      isLinked: linked,
      tell(_, { credential }) {
        steps.push(`told ${credential.generation}`);
        told.push(credential);
        return true;
      },
    },
    letIn: async () => void steps.push("let in"),
    queue: { kind: "tunnel" },
    queuePrefix: "wp",
    logger,
    patienceMs,
  });
  opened.push(reissue);
  return { reissue, told };
}

test("a secret that is asked for is told once the queue server takes it, and only its hash is kept", async () => {
  const agentId = await agent();
  const { reissue, told } = open();
  reissue.onChange(agentId);
  expect(await store.issue(agentId, { secretHash: "00", redisPasswordHash: "00" }, 0)).toBeNull();
  await store.askRotation(agentId);
  reissue.onChange(agentId);
  const [news] = await until(
    () => told,
    (all) => all.length > 0,
  );
  expect(steps).toEqual(["let in", "told 2"]);
  expect(news).toMatchObject({ v: 1, agentId, generation: 2, queue: { kind: "tunnel" }, queuePrefix: "wp" });
  const { next } = (await store.get(agentId)) ?? {};
  expect(next).toMatchObject({
    generation: 2,
    secretHash: hashSecret(news?.secret ?? ""),
    redisPasswordHash: hashSecret(redisPassword(news?.secret ?? "")),
  });
});

test("of several coordinators that the agent is linked to, one gives it a secret", async () => {
  const agentId = await agent();
  await store.askRotation(agentId);
  const [one, other] = [open(), open()];
  one.reissue.onChange(agentId);
  other.reissue.onChange(agentId);
  await Promise.all(opened.map((reissue) => reissue.stop()));
  expect([...one.told, ...other.told].map(({ generation }) => generation)).toEqual([2]);
});

test("an agent that is away gets its secret when it comes", async () => {
  const agentId = await agent();
  let isLinked = false;
  const { reissue, told } = open({ linked: () => isLinked });
  await store.askRotation(agentId);
  reissue.onChange(agentId);
  await reissue.stop();
  expect([told, (await store.get(agentId))?.next]).toEqual([[], null]);
  isLinked = true;
  reissue.onChange(agentId);
  await until(
    () => told.length,
    (count) => count === 1,
  );
});

test("one that does not use its new secret is given another, until it does", async () => {
  const agentId = await agent();
  await store.askRotation(agentId);
  const { reissue, told } = open({ patienceMs: 100 });
  reissue.onChange(agentId);
  await until(
    () => told.map(({ generation }) => generation),
    (generations) => generations.length >= 2,
  );
  const last = (await store.get(agentId))?.next?.generation ?? 0;
  expect(last).toBeGreaterThan(2);
  await until(
    async () => (await store.get(agentId))?.next?.generation ?? 0,
    (generation) => generation > last,
  );
  await until(
    async () => store.adopt(agentId, (await store.get(agentId))?.next?.generation ?? 0),
    (isAdopted) => isAdopted,
  );
  expect(await store.get(agentId)).toMatchObject({ next: null, rotationAskedAt: null });
});

test("a store that fails is asked again", async () => {
  const agentId = await agent();
  await store.askRotation(agentId);
  let failures = 2;
  const { reissue, told } = open({
    patienceMs: 50,
    from: { ...store, get: (id) => (failures-- > 0 ? Promise.reject(new Error("away")) : store.get(id)) },
  });
  reissue.onChange(agentId);
  await until(
    () => told.length,
    (count) => count > 0,
  );
});
