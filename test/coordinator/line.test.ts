import { createClient } from "@clickhouse/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Check } from "../../shared/check.ts";
import { createLogger } from "../../shared/logger.ts";
import { openQueue, resultsQueueName } from "../../shared/queues.ts";
import type { Result } from "../../shared/result.ts";
import type { TestCoordinator } from "../support/coordinator.ts";
import { startTestCoordinator } from "../support/coordinator.ts";
import { makeMonitor } from "../support/first-checks.ts";
import type { HandAgent } from "../support/hand-agent.ts";
import { aResult, startHandAgent } from "../support/hand-agent.ts";
import { queueKinds } from "../support/shared-servers.ts";
import { until } from "../support/until.ts";

const regions = ["ap-south", "eu-west", "us-east"];
const down = { status: "down", error: { code: "connect_refused", message: "refused" } } as const;

/** Whether a check was asked for because of another's result. */
const isQuestion = (check: Check, since: Check): boolean =>
  check.monitorId === since.monitorId && check.attempt > 0 && check.scheduledAt > since.scheduledAt;

/** The same monitor's check some ms later. */
const later = (check: Check, ms: number): Check => ({
  ...check,
  scheduledAt: check.scheduledAt + ms,
  attempt: check.attempt + ms,
});

describe.each(queueKinds)("on %s", (kind) => {
  let coordinator: TestCoordinator;
  let agents: HandAgent[];

  beforeAll(async () => {
    coordinator = await startTestCoordinator(kind);
    agents = await Promise.all(regions.map((region) => startHandAgent(coordinator, region, { confirms: false })));
    await until(
      () => coordinator.call("GET", "/v1/regions"),
      ({ body }) => body.data.length === 3 && body.data.every((region: any) => region.agents.online === 1),
    );
  });
  afterAll(async () => {
    await Promise.all((agents ?? []).map((agent) => agent.stop()));
    await coordinator?.stop();
  });

  /** A monitor and, per region, its first check: the one that is made at once. */
  const make = (document: object = {}) => makeMonitor(coordinator, agents, document);
  const status = async (path: string) => (await coordinator.call("GET", path)).body.status;
  const stored = async (path: string) => (await coordinator.call("GET", `${path}/results`)).body.data;

  test("a new monitor is checked in every region at once, whatever its interval", async () => {
    const { first } = await make();
    for (const check of first)
      expect(check).toMatchObject({ type: "tcp", tcp: { host: "127.0.0.1", port: 9 }, timeoutMs: 10_000 });
    for (const check of first) expect(check.attempt).toBeGreaterThan(0);
  });

  test("scheduled checks arrive ahead of their instants, one interval apart, each once", async () => {
    const { id } = await make({ interval: "1s" });
    const own = (agent: HandAgent) =>
      agent.checks.filter(({ monitorId, attempt }) => monitorId === id && attempt === 0);
    await until(
      () => agents.map(own),
      (all) => all.every((checks) => checks.length >= 3),
    );
    for (const checks of agents.map(own)) {
      for (const [n, check] of checks.slice(1).entries()) {
        expect(check.scheduledAt - (checks[n] as Check).scheduledAt).toBe(1_000);
        expect(check.round - (checks[n] as Check).round).toBe(1);
        expect(check.expiresAt).toBe(check.scheduledAt + 1_000);
      }
    }
    const offsets = agents.map((agent) => (own(agent)[0] as Check).scheduledAt % 1_000).sort((a, b) => a - b);
    expect(new Set(offsets).size).toBe(3);
    await coordinator.call("DELETE", `/v1/monitors/${id}`);
  });

  test("results reach the store, the statuses and the verdict, with the region of their queue", async () => {
    const { path, first } = await make();
    await Promise.all(agents.map((agent, n) => agent.answer(first[n] as Check, { region: "elsewhere" } as object)));
    const { regions: seen } = await until(
      () => status(path),
      ({ verdict, regions }) => verdict === "up" && Object.keys(regions).length === 3,
    );
    expect(Object.keys(seen)).toEqual(regions);
    expect(seen["eu-west"]).toMatchObject({ status: "up", latencyMs: 12.5, address: "127.0.0.1", error: null });
    const rows = await until(
      () => stored(path),
      (rows) => rows.length === 3,
    );
    expect(rows.map((row: any) => row.region).sort()).toEqual(regions);
    const eu = rows.find((row: any) => row.region === "eu-west");
    const { scheduledAt, round, attempt } = first[1] as Check;
    expect(eu).toMatchObject({
      agentId: agents[1]?.id,
      round,
      attempt,
      scheduledAt: new Date(scheduledAt).toISOString(),
      startedAt: new Date(scheduledAt + 1).toISOString(),
      latenessMs: 1,
      phases: { connectMs: 12.5 },
      failedAssertions: [],
    });
  });

  /** Waits until every region has been asked again since a check, and answers each question. */
  async function confirm(since: Check, ...answers: Array<Partial<Result>>): Promise<Check[]> {
    const asked = await Promise.all(
      agents.map((agent) =>
        until(
          () => agent.checks.find((check) => isQuestion(check, since)),
          (check) => check !== undefined,
        ),
      ),
    );
    await Promise.all(agents.map((agent, n) => agent.answer(asked[n] as Check, answers[n] ?? {})));
    return asked as Check[];
  }

  test("what one region sees is asked again everywhere: a blip is nothing, one of three is degraded, two are down", async () => {
    const { path, first } = await make();
    const [a, b, c] = first as [Check, Check, Check];
    const [inA, inB, inC] = agents as [HandAgent, HandAgent, HandAgent];
    await Promise.all([inA.answer(a), inB.answer(b), inC.answer(c)]);
    const is = (wanted: string) =>
      until(
        () => status(path),
        ({ verdict }) => verdict === wanted,
      );
    await is("up");
    await inA.answer(later(a, 1), down);
    const [afterBlip] = await confirm(later(a, 1));
    await until(
      () => status(path),
      ({ suspected }) => !suspected,
    );
    expect((await status(path)).verdict).toBe("up");
    await inA.answer(later(afterBlip as Check, 2), down);
    const [afterDegraded] = await confirm(later(afterBlip as Check, 2), down);
    expect((await is("degraded")).regions["ap-south"].error).toEqual(down.error);
    await inB.answer(later(afterDegraded as Check, 2), down);
    const [afterDown] = await confirm(later(afterDegraded as Check, 2), down, down);
    await is("down");
    await inB.answer(later(afterDown as Check, 2));
    await confirm(later(afterDown as Check, 2));
    await is("up");
  });

  test("a repeated result is stored and counted once; a reordered one does not bring back the past", async () => {
    const { path, first } = await make();
    const [check] = first as [Check];
    const [agent] = agents as [HandAgent];
    await agent.answer(later(check, 5));
    await until(
      () => stored(path),
      (rows) => rows.length === 1,
    );
    await agent.answer(check, down, down);
    await until(
      () => stored(path),
      (rows) => rows.length === 2,
    );
    await agent.answer(check, down);
    await settle(agent);
    expect(await stored(path)).toHaveLength(2);
    expect((await status(path)).regions["ap-south"].status).toBe("up");
  });

  test("results of a check that was due before the monitor was changed are stored but have no vote", async () => {
    const { path, first } = await make();
    const [check] = first as [Check];
    const [agent] = agents as [HandAgent];
    await coordinator.call("PATCH", path, { tcp: { port: 10 } });
    await agent.answer(check, down);
    await until(
      () => stored(path),
      (rows) => rows.length === 1,
    );
    expect((await status(path)).regions).toEqual({});
  });

  test("a paused and a deleted monitor are checked no more", async () => {
    const one = await make({ interval: "1s" });
    const two = await make({ interval: "1s" });
    const [agent] = agents as [HandAgent];
    const latest = (id: string) =>
      Math.max(...agent.checks.filter((check) => check.monitorId === id).map((check) => check.scheduledAt));
    const { body } = await coordinator.call("PATCH", one.path, { enabled: false });
    await coordinator.call("DELETE", two.path);
    const deletedAt = Date.now();
    const marker = await make({ interval: "1s" });
    // Two seconds of checks of a third monitor pass: time in which the others would have been pushed as well.
    await until(
      () => latest(marker.id),
      (at) => at > deletedAt + 4_000,
    );
    expect(latest(one.id)).toBeLessThan(Date.parse(body.updatedAt) + 2_000);
    expect(latest(two.id)).toBeLessThan(deletedAt + 2_000);
    await coordinator.call("DELETE", marker.path);
  });

  test("what is not fit is quarantined with the reason, and the rest flows on", async () => {
    const { path, first, id } = await make();
    const { body: elsewhere } = await coordinator.call("POST", "/v1/monitors", {
      ...{ name: "Elsewhere", type: "tcp", interval: "1h", tcp: { host: "127.0.0.1", port: 9 }, regions: ["eu-west"] },
    });
    const [check] = first as [Check];
    const agent = agents.find(({ region }) => region === "us-east") as HandAgent;
    const good = { ...aResult(check) };
    // A queue in PostgreSQL refuses such text itself.
    const hostile = kind === "redis" ? "half \ud83d and nul \0" : "half \ufffd and nul \ufffd";
    await agent.send("nonsense");
    await agent.send({ v: 1, agentId: agent.id, misses: [], results: Array(1_001).fill(good) });
    await agent.send({
      v: 1,
      agentId: agent.id,
      misses: [],
      results: [
        { ...good, status: "splendid" },
        { ...good, monitorId: "mon_nobody" },
        { ...good, monitorId: elsewhere.id, scheduledAt: Date.now() + 30_000 },
        { ...good, scheduledAt: Date.now() + 7_200_000 },
        { ...good, error: { code: "connect_timeout", message: hostile } },
      ],
    });
    const [stored1] = await until(
      () => stored(path),
      (rows) => rows.length === 1,
    );
    expect(stored1).toMatchObject({ monitorId: id, error: { message: "half \ufffd and nul \ufffd" } });
    const queue = openQueue(resultsQueueName(agent.region), {
      server: coordinator.queueServer,
      logger: createLogger({ level: "silent", name: "test" }),
      leastPrivilege: false,
    });
    const reasons = await until(
      async () => (await queue.getJobs("failed")).map((job) => job.failedReason),
      (failed) => failed.length === 2,
    );
    await queue.close();
    expect(reasons.sort()).toEqual([
      "not a batch of results: it must be an object",
      "not a batch of results: results and misses must be at most 1000 each",
    ]);
    const { body } = await coordinator.call("GET", "/metrics");
    for (const [reason, count] of Object.entries({
      malformed: 2,
      oversized: 1,
      unknown_monitor: 1,
      foreign_region: 1,
      clock: 1,
    })) {
      expect(body).toContain(`watchpost_quarantined_total{reason="${reason}"} ${count}\n`);
    }
  });

  test("results are listed by region, by window and in pages that meet", async () => {
    const { path, first } = await make();
    const start = (first[0] as Check).scheduledAt;
    for (const [n, agent] of agents.entries()) {
      const check = first[n] as Check;
      await agent.send({
        v: 1,
        agentId: agent.id,
        misses: [],
        results: [0, 1, 2, 3].map((k) => ({
          ...aResult(check),
          round: check.round + k,
          scheduledAt: start + k * 1_000,
        })),
      });
    }
    const all = await until(
      () => stored(path),
      (rows) => rows.length === 12,
    );
    expect(all.map((row: any) => row.scheduledAt)).toEqual(
      all
        .map((row: any) => row.scheduledAt)
        .sort()
        .reverse(),
    );
    const get = async (query: string) => (await coordinator.call("GET", `${path}/results?${query}`)).body;
    expect((await get("region=eu-west")).data).toEqual(all.filter((row: any) => row.region === "eu-west"));
    const [from, to] = [new Date(start + 1_000).toISOString(), new Date(start + 3_000).toISOString()];
    expect((await get(`from=${from}&to=${to}`)).data).toEqual(all.slice(3, 9));
    const paged: unknown[] = [];
    for (let cursor: string | null = ""; cursor !== null; ) {
      const page = await get(`limit=5${cursor && `&cursor=${cursor}`}`);
      paged.push(...page.data);
      cursor = page.nextCursor;
    }
    expect(paged).toEqual(all);
  });

  test("misses are kept with their reason: the agents' own and those of regions without an agent", async () => {
    const { id, path, first } = await make({ regions: ["ap-south", "eu-west", "us-east", "nowhere"] });
    const [agent] = agents as [HandAgent];
    const { monitorId, round, attempt, scheduledAt } = first[0] as Check;
    await agent.send({
      v: 1,
      agentId: agent.id,
      results: [],
      misses: [{ monitorId, round, attempt, scheduledAt, reason: "expired" }],
    });
    const client = createClient({ url: coordinator.clickhouseUrl });
    const misses = await until(
      async () =>
        await (
          await client.query({
            query: "SELECT region, reason FROM misses WHERE monitor_id = {id: String} ORDER BY region",
            query_params: { id },
            format: "JSONEachRow",
          })
        ).json(),
      (rows) => rows.length === 2,
    );
    await client.close();
    expect(misses).toEqual([
      { region: "ap-south", reason: "expired" },
      { region: "nowhere", reason: "no_agent" },
    ]);
    await coordinator.call("DELETE", path);
  });

  /** Resolves when everything that the agent has sent so far has been taken in. */
  async function settle(agent: HandAgent): Promise<void> {
    const { path, first } = await make();
    await agent.answer(first[agents.indexOf(agent)] as Check);
    await until(
      () => stored(path),
      (rows) => rows.length === 1,
    );
  }
});
