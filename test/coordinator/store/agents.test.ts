import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createPresence, type Presence } from "../../../coordinator/agents/presence.ts";
import { stateOf } from "../../../coordinator/agents/state.ts";
import { type AgentStore, createAgentStore } from "../../../coordinator/store/agents.ts";
import { createDrainStore } from "../../../coordinator/store/drains.ts";
import type { Postgres } from "../../../coordinator/store/postgres.ts";
import type { AgentLoad } from "../../../shared/agent-message.ts";
import { systemClock } from "../../../shared/clock.ts";
import { createLogger } from "../../../shared/logger.ts";
import { idle } from "../../support/agent-link.ts";
import { testStores } from "../../support/stores.ts";
import { until } from "../../support/until.ts";

let postgres: Postgres;
let agents: AgentStore;
let stop: () => Promise<void>;
beforeAll(async () => {
  const stores = await testStores();
  postgres = stores.postgres;
  agents = createAgentStore(postgres);
  stop = stores.stop;
});
afterAll(() => stop?.());
beforeEach(async () => {
  await postgres.query("DELETE FROM agents; DELETE FROM drained_agents; DELETE FROM agent_credentials");
});

const seen = (id: string, changes: object = {}) => ({
  id,
  region: "eu",
  version: "1",
  host: "here",
  node: "v24",
  draining: false,
  load: idle,
  seenAgoMs: 1_000,
  toldAgoMs: 1_000,
  ...changes,
});
const byResults = { version: "", host: "", node: "", load: null, toldAgoMs: null };
const one = async () => (await agents.known(86_400_000))[0];

describe("what is kept of an agent", () => {
  test("is its last word, whoever sees results of it later", async () => {
    await agents.record([seen("a", { draining: true })]);
    await agents.record([seen("a", { ...byResults, seenAgoMs: 200 })]);
    expect(await one()).toMatchObject({ draining: true, version: "1", load: idle });
    expect((await one())?.seenAgoMs).toBeLessThan(900);
  });

  test("is its last word, though results of it were seen before that was written", async () => {
    await agents.record([seen("a", { toldAgoMs: 3_000, seenAgoMs: 3_000 })]);
    await agents.record([seen("a", { ...byResults, seenAgoMs: 200 })]);
    await agents.record([seen("a", { draining: true })]);
    expect(await one()).toMatchObject({ draining: true });
    expect((await one())?.seenAgoMs).toBeLessThan(900);
  });

  test("is not an earlier word of it", async () => {
    await agents.record([seen("a", { version: "2", toldAgoMs: 500 })]);
    await agents.record([seen("a", { version: "1", toldAgoMs: 2_000, seenAgoMs: 100 })]);
    expect(await one()).toMatchObject({ version: "2" });
  });

  test("stays when it has a credential that is good, and says so of each of its processes", async () => {
    await postgres.query(
      `INSERT INTO agent_credentials (agent_id, region, name, secret_hash, redis_password_hash, revoked_at)
       VALUES ('agt', 'eu', 'Fra', '', '', NULL), ('gone', 'eu', NULL, '', '', now())`,
    );
    const long = { seenAgoMs: 9e7, toldAgoMs: 9e7 };
    await agents.record(["agt-2", "gone", "shared"].map((id) => seen(id, long)));
    await agents.forget(86_400_000);
    expect(await agents.known(1_000)).toMatchObject([{ id: "agt-2", credential: "good", name: "Fra" }]);
  });

  test("says since when it is drained, by itself or with all processes, until that is taken back", async () => {
    const drains = createDrainStore(postgres);
    await agents.record(["agt-1", "agt-2", "agt-other"].map((id) => seen(id)));
    await drains.add("agt-1");
    await drains.add("agt");
    const drained = async () =>
      (await agents.known(86_400_000)).filter(({ drainedAt }) => drainedAt !== null).map(({ id }) => id);
    expect(await drained()).toEqual(["agt-1", "agt-2"]);
    expect(await drains.remove("agt")).toBe(true);
    expect(await drained()).toEqual([]);
    expect(await drains.remove("agt")).toBe(false);
  });
});

describe("presence", () => {
  const parts: Presence[] = [];
  const presence = async (isDrained = (_: string) => false) => {
    const logger = createLogger({ level: "silent", name: "test" });
    const made = createPresence({ store: agents, isDrained, clock: systemClock(), logger });
    parts.push(made);
    await made.start();
    return made;
  };
  afterEach(() => Promise.all(parts.splice(0).map((part) => part.stop())));
  const hello = (agentId: string) =>
    ({ type: "hello", v: 1, agentId, region: "eu", version: "1", host: "h", node: "n" }) as const;
  const taking: AgentLoad = { ...idle, work: "taking" };

  test("is not of one whose results have waited in the queue since it died", async () => {
    const live = await presence();
    live.answered("eu", "dead", 60_000);
    expect(live.isLive("eu")).toBe(false);
    live.answered("eu", "alive", 2_000);
    expect(live.isLive("eu")).toBe(true);
  });

  test("counts agents that take checks: neither drained ones, nor those that say that they do not", async () => {
    const drained = new Set<string>();
    const live = await presence((id) => drained.has(id));
    live.hello(hello("a"));
    expect(live.isLive("eu")).toBe(true);
    live.heartbeat("a", { ...taking, work: "idle" });
    expect(live.isLive("eu")).toBe(false);
    live.heartbeat("a", taking);
    expect(live.isLive("eu")).toBe(true);
    drained.add("a");
    expect(live.isLive("eu")).toBe(false);
    drained.clear();
    live.draining("a");
    expect(live.isLive("eu")).toBe(false);
  });

  test("is learnt from the coordinator that an agent is linked to, by those that see its results", async () => {
    const [holder, taker] = [await presence(), await presence()];
    holder.hello(hello("a"));
    holder.heartbeat("a", taking);
    await until(
      () => taker.isLive("eu"),
      (isLive) => isLive,
    );
    holder.draining("a");
    taker.answered("eu", "a", 0);
    await until(one, (agent) => agent?.draining);
    // The results that the taker goes on seeing do not bring it back.
    await until(
      () => {
        taker.answered("eu", "a", 0);
        return one();
      },
      (agent) => agent && (agent.toldAgoMs ?? 0) - agent.seenAgoMs > 1_500,
    );
    expect(await one()).toMatchObject({ draining: true });
    expect(stateOf((await one()) as never)).toBe("leaving");
    expect([holder.isLive("eu"), taker.isLive("eu")]).toEqual([false, false]);
  });
});
