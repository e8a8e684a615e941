import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { CheckBatch } from "../../shared/check.ts";
import type { QueueServer } from "../../shared/queues.ts";
import { checksQueueName, jobOptions, openQueue, openWorker, resultsQueueName } from "../../shared/queues.ts";
import type { ResultBatch } from "../../shared/result.ts";
import { type AgentProcess, startAgentProcess } from "../support/agent-process.ts";
import { tcpCheck } from "../support/checks.ts";
import { agentToken } from "../support/coordinator.ts";
import { type LinkServer, startLinkServer } from "../support/link-server.ts";
import { familyOf, killAll, living } from "../support/process-family.ts";
import { startTestRedis, type TestServer } from "../support/servers.ts";
import { tempDir } from "../support/temp-dir.ts";
import { until } from "../support/until.ts";

const region = "eu-west";
const ids = ["agt-1", "agt-2", "agt-3"];

describe("an agent of three processes", () => {
  let redis: TestServer;
  let link: LinkServer;
  let server: QueueServer & { kind: "redis" };
  let dir: Awaited<ReturnType<typeof tempDir>>;
  let agent: AgentProcess;
  let family: number[];

  beforeEach(async () => {
    redis = await startTestRedis();
    const { port, password } = new URL(redis.url);
    server = { kind: "redis", options: { host: "127.0.0.1", port: Number(port), password }, prefix: "watchpost" };
    link = await startLinkServer(agentToken);
    dir = await tempDir();
    family = [];
  });
  afterEach(async () => {
    family.push(...(await familyOf(agent.pid)));
    await agent.end("SIGKILL");
    killAll(await living(family));
    await link.stop();
    await redis.stop();
    await dir.remove();
  });

  const spool = () => join(dir.path, "spool");
  const start = (env: NodeJS.ProcessEnv = {}, program = "agent.js") => {
    agent = startAgentProcess(
      { url: link.url, queueServer: server },
      region,
      "agt",
      { WATCHPOST_AGENT_PROCESSES: "3", WATCHPOST_AGENT_SPOOL_DIR: spool(), ...env },
      { program },
    );
  };
  /** How often each agent came. */
  const comings = () =>
    link.messages.reduce<Record<string, number>>((counts, message) => {
      if (message.type === "hello") counts[message.agentId] = (counts[message.agentId] ?? 0) + 1;
      return counts;
    }, {});
  const running = async () => {
    await until(agent.output, (output) => output.includes("All processes of the agent run"));
    family = await familyOf(agent.pid);
  };

  test.each(["agent.js", "agent/main.js"])("shares the region's checks, and stops as one: %s", async (program) => {
    start({}, program);
    await running();
    expect(Object.keys(comings()).sort()).toEqual(ids);
    expect(family).toHaveLength(3);
    expect((await readdir(dir.path)).sort()).toEqual(["spool", "spool-2", "spool-3"]);

    const access = { server, logger: pino({ level: "silent" }), leastPrivilege: false };
    const checks = openQueue<CheckBatch>(checksQueueName(region), access);
    const workers = new Set<string>();
    const rounds = new Set<number>();
    const ingest = openWorker<ResultBatch>(
      resultsQueueName(region),
      async ({ data }) => {
        if (data.results.length > 0) workers.add(data.agentId);
        for (const { round } of data.results) rounds.add(round);
      },
      { ...access, concurrency: 5, lockDurationMs: 30_000, stalledIntervalMs: 30_000 },
    );
    void ingest.run();
    for (let round = 0; workers.size < ids.length; round++) {
      const now = Date.now();
      const check = { ...tcpCheck("127.0.0.1", link.port), round, scheduledAt: now, expiresAt: now + 60_000 };
      await checks.add("checks", { v: 1, checks: [check] }, jobOptions);
      await until(
        () => rounds.has(round),
        (has) => has,
      );
    }
    expect([...workers].sort()).toEqual(ids);
    await Promise.all([checks.close(), ingest.close()]);

    expect(await agent.end("SIGTERM")).toBe(0);
    expect(link.messages.filter(({ type }) => type === "draining")).toHaveLength(3);
    expect(await living(family)).toEqual([]);
  });

  test("starts again a process that was killed", async () => {
    start();
    await running();
    killAll(family.slice(0, 1));
    await until(comings, (counts) => Object.values(counts).reduce((sum, count) => sum + count) === 4);
    expect(Object.keys(comings()).sort()).toEqual(ids);
    expect(agent.output()).toMatch(/"reason":"signal SIGKILL".*"A process of the agent ended"/);
    expect(await agent.end("SIGTERM")).toBe(0);
  });

  test("ends with exit code 1, all of it, when its token is refused", async () => {
    start({ WATCHPOST_AGENT_TOKEN: "wpg_another-token-altogether" });
    expect(await agent.exited).toBe(1);
    expect(agent.output()).toMatch(/watchpost: .*process \d of 3 cannot go on/);
    expect(await familyOf(agent.pid)).toEqual([]);
  });

  test("ends with exit code 2 when one of them cannot work as configured", async () => {
    await writeFile(`${spool()}-2`, "a file");
    start();
    expect(await agent.exited).toBe(2);
    expect(agent.output()).toContain("process 2 of 3 cannot work as configured");
  });

  test("leaves nothing behind when it is killed", async () => {
    start();
    await running();
    await agent.end("SIGKILL");
    await until(
      () => living(family),
      (left) => left.length === 0,
    );
  });

  test("says where results wait of processes that there were more of", async () => {
    await mkdir(`${spool()}-4`);
    await writeFile(join(`${spool()}-4`, "000001700000000-1-000000000000.jsonl"), "");
    start();
    await running();
    expect(agent.output()).toContain("spool-4");
  });
});
