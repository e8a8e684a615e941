import type { ServerResponse } from "node:http";
import { createClient } from "@clickhouse/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AgentProcess } from "../support/agent-process.ts";
import { startAgentProcess } from "../support/agent-process.ts";
import type { TestCoordinator } from "../support/coordinator.ts";
import { startTestCoordinator } from "../support/coordinator.ts";
import { queueKinds } from "../support/shared-servers.ts";
import type { Target } from "../support/targets.ts";
import { httpTarget } from "../support/targets.ts";
import { until } from "../support/until.ts";

const MONITORS = 12;

describe.each(queueKinds)("on %s", (kind) => {
  let coordinator: TestCoordinator;
  let target: Target;
  let held: ServerResponse[] = [];
  let holding = true;
  const agents: AgentProcess[] = [];

  beforeAll(async () => {
    coordinator = await startTestCoordinator(kind);
    target = await httpTarget((_, response) => {
      if (holding) held.push(response);
      else response.end("ok");
    });
  });
  afterAll(async () => {
    await Promise.all(agents.map((agent) => agent.end("SIGKILL")));
    await Promise.all([coordinator?.stop(), target?.stop()]);
  });

  async function online(count: number): Promise<void> {
    await until(
      async () => (await coordinator.call("GET", "/v1/regions")).body.data,
      ([region]) => region?.agents.online === count,
      { withinMs: 20_000 },
    );
  }

  test("checks that a killed agent held are made by another agent of the region, each once", async () => {
    const victim = startAgentProcess(coordinator, "eu-west", "agt-victim");
    agents.push(victim);
    await online(1);
    const made = await Promise.all(
      Array.from({ length: MONITORS }, (_, n) =>
        coordinator.call("POST", "/v1/monitors", {
          name: `Held ${n}`,
          type: "http",
          interval: "1h",
          timeout: "30s",
          http: { url: `http://127.0.0.1:${target.port}/${n}` },
        }),
      ),
    );
    const ids = made.map(({ body }) => body.id);
    await until(
      () => held.length,
      (count) => count === MONITORS,
    );

    holding = false;
    agents.push(startAgentProcess(coordinator, "eu-west", "agt-heir"));
    await online(2);
    await victim.end("SIGKILL");
    held = [];

    const results = await until(
      async () =>
        (await Promise.all(ids.map((id) => coordinator.call("GET", `/v1/monitors/${id}/results`)))).flatMap(
          ({ body }) => body.data,
        ),
      (rows) => rows.length === MONITORS,
      { withinMs: 25_000 },
    );
    expect(new Set(results.map((row: any) => row.monitorId))).toEqual(new Set(ids));
    for (const row of results) expect(row).toMatchObject({ agentId: "agt-heir", status: "up" });

    const client = createClient({ url: coordinator.clickhouseUrl });
    const answer = await client.query({ query: "SELECT count() AS stored FROM results", format: "JSONEachRow" });
    const [{ stored }] = (await answer.json<{ stored: string }>()) as [{ stored: string }];
    await client.close();
    expect(Number(stored)).toBe(MONITORS);
  });
});
