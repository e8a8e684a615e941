import { createClient } from "@clickhouse/client";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AgentProcess } from "../support/agent-process.ts";
import { startAgentProcess } from "../support/agent-process.ts";
import type { TestCoordinator } from "../support/coordinator.ts";
import { startTestCoordinator } from "../support/coordinator.ts";
import { freePort } from "../support/servers.ts";
import { queueKinds } from "../support/shared-servers.ts";
import type { Target } from "../support/targets.ts";
import { hangingTarget, httpTarget } from "../support/targets.ts";
import { until } from "../support/until.ts";

const regions = ["ap-south", "eu-west", "us-east"];

describe.each(queueKinds)("three regions on %s", (kind) => {
  let coordinator: TestCoordinator;
  let agents: AgentProcess[] = [];
  let shop: Target;
  let silent: Target;
  let closedPort: number;

  beforeAll(async () => {
    [coordinator, shop, silent, closedPort] = await Promise.all([
      startTestCoordinator(kind),
      httpTarget((request, response) => {
        response.statusCode = request.url === "/broken" ? 503 : 200;
        response.end("in stock");
      }),
      hangingTarget(),
      freePort(),
    ]);
    agents = regions.map((region) => startAgentProcess(coordinator, region, `agt-${region}`));
    await until(
      () => coordinator.call("GET", "/v1/regions"),
      ({ body }) => body.data.length === 3 && body.data.every((region: any) => region.agents.online === 1),
    ).catch((thrown) => {
      throw new Error(`${thrown.message}\n${agents.map((agent) => agent.output()).join("\n")}`);
    });
  });
  afterAll(async () => {
    await Promise.all(agents.map((agent) => agent.end("SIGTERM")));
    await Promise.all([coordinator?.stop(), shop?.stop(), silent?.stop()]);
  });

  /** Makes a monitor and waits until each region has a result of it. */
  async function watch(document: object): Promise<{ monitor: any; results: any[] }> {
    const made = await coordinator.call("POST", "/v1/monitors", { name: "E2E", interval: "10s", ...document });
    expect(made.status).toBe(201);
    const path = `/v1/monitors/${made.body.id}`;
    const results = await until(
      async () => (await coordinator.call("GET", `${path}/results`)).body.data,
      (rows) => regions.every((region) => rows.some((row: any) => row.region === region)),
    );
    const monitor = await until(
      async () => (await coordinator.call("GET", path)).body,
      ({ status }) => Object.keys(status.regions).length === 3 && status.verdict !== "unknown",
    );
    await coordinator.call("DELETE", path);
    return { monitor, results };
  }

  function expectHonestPhases({ phases, latencyMs }: any): void {
    const sum = Object.values<number>(phases).reduce((a, b) => a + b, 0);
    expect(Math.abs(sum - latencyMs)).toBeLessThanOrEqual(1 + 0.02 * latencyMs);
  }

  test("an HTTP service that is up", async () => {
    const { monitor, results } = await watch({
      type: "http",
      http: { url: `http://localhost:${shop.port}/`, ipVersion: "4" },
    });
    expect(monitor.status.verdict).toBe("up");
    for (const result of results) {
      expect(result).toMatchObject({ status: "up", statusCode: 200, address: "127.0.0.1", bodyBytes: 8, error: null });
      expect(Object.keys(result.phases).sort()).toEqual(["connectMs", "dnsMs", "firstByteMs", "transferMs"]);
      expect(result.agentId).toBe(`agt-${result.region}`);
      expectHonestPhases(result);
    }
  });

  test("an HTTP service that answers 503, with an assertion on the status", async () => {
    const { monitor, results } = await watch({
      type: "http",
      http: { url: `http://127.0.0.1:${shop.port}/broken` },
      assertions: [{ source: "status", op: "eq", value: 200 }],
    });
    expect(monitor.status.verdict).toBe("down");
    for (const result of results) {
      expect(result).toMatchObject({ status: "down", statusCode: 503, error: { code: "assertion_failed" } });
      expect(result.failedAssertions).toHaveLength(1);
    }
  });

  test("an HTTP service that takes connections and never answers", async () => {
    const { monitor, results } = await watch({
      type: "http",
      timeout: "700ms",
      http: { url: `http://127.0.0.1:${silent.port}/` },
    });
    expect(monitor.status.verdict).toBe("down");
    for (const result of results) {
      expect(result).toMatchObject({ status: "down", statusCode: null, error: { code: "http_timeout" } });
      // The total deadline ran out in the phase that never ended; timers fire up to 1 ms early.
      expect(result.latencyMs).toBeGreaterThanOrEqual(699);
      expect(Object.keys(result.phases).sort()).toEqual(["connectMs", "firstByteMs"]);
      expectHonestPhases(result);
    }
  });

  test("a TCP port that is open", async () => {
    const { monitor, results } = await watch({ type: "tcp", tcp: { host: "127.0.0.1", port: silent.port } });
    expect(monitor.status.verdict).toBe("up");
    for (const result of results) {
      expect(result).toMatchObject({ status: "up", error: null });
      expectHonestPhases(result);
    }
  });

  test("a TCP port that refuses", async () => {
    const { monitor, results } = await watch({ type: "tcp", tcp: { host: "127.0.0.1", port: closedPort } });
    expect(monitor.status.verdict).toBe("down");
    for (const result of results) expect(result).toMatchObject({ status: "down", error: { code: "connect_refused" } });
  });

  test("what the API tells is what stands in ClickHouse and PostgreSQL", async () => {
    const made = await coordinator.call("POST", "/v1/monitors", {
      name: "Rows",
      type: "tcp",
      interval: "1h",
      tcp: { host: "127.0.0.1", port: silent.port },
    });
    const { id } = made.body;
    const clickhouse = createClient({ url: coordinator.clickhouseUrl });
    const rows = await until(
      async () =>
        await (
          await clickhouse.query({
            query:
              "SELECT region, toString(status) AS status FROM results WHERE monitor_id = {id: String} ORDER BY region",
            query_params: { id },
            format: "JSONEachRow",
          })
        ).json(),
      (rows) => rows.length === 3,
    );
    await clickhouse.close();
    expect(rows).toEqual(regions.map((region) => ({ region, status: "up" })));

    const postgres = new pg.Client({ connectionString: coordinator.databaseUrl });
    await postgres.connect();
    const verdict = await until(
      async () =>
        (await postgres.query("SELECT verdict FROM monitor_status WHERE monitor_id = $1", [id])).rows[0].verdict,
      (verdict) => verdict === "up",
    );
    const statuses = await postgres.query(
      "SELECT region, status FROM monitor_region_status WHERE monitor_id = $1 ORDER BY region",
      [id],
    );
    const { rows: troubleshooting } = await postgres.query(
      "SELECT enabled, interval_seconds FROM monitors WHERE id = $1",
      [id],
    );
    await postgres.end();
    expect(verdict).toBe("up");
    expect(statuses.rows).toEqual(rows);
    expect(troubleshooting).toEqual([{ enabled: true, interval_seconds: 3_600 }]);
  });

  test("agents say in their log what the troubleshooting looks for", () => {
    for (const agent of agents) {
      expect(agent.output()).toContain("BullMQ worker is ready");
      expect(agent.output()).toContain("Processing monitor check job");
    }
  });
});
