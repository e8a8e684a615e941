import { readFile } from "node:fs/promises";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { CheckBatch } from "../../shared/check.ts";
import { leanNode } from "../../shared/lean-node.ts";
import type { QueueServer } from "../../shared/queues.ts";
import { checksQueueName, jobOptions, openQueue, openWorker, resultsQueueName } from "../../shared/queues.ts";
import type { Result, ResultBatch } from "../../shared/result.ts";
import { type AgentProcess, startAgentProcess } from "../support/agent-process.ts";
import { httpCheck } from "../support/checks.ts";
import { agentToken } from "../support/coordinator.ts";
import { type LinkServer, startLinkServer } from "../support/link-server.ts";
import { startTestRedis, type TestServer } from "../support/servers.ts";
import { httpTarget, type Target } from "../support/targets.ts";
import { until } from "../support/until.ts";

const region = "eu-west";
const CHECKS = 50;
const SIZE = 10 * 2 ** 20;
/** As text each of these bytes is a U+FFFD: one body takes 20 MB of the heap. */
const body = Buffer.alloc(SIZE, 0xff);

let redis: TestServer;
let link: LinkServer;
let target: Target;
let agent: AgentProcess;
let server: QueueServer & { kind: "redis" };

beforeEach(async () => {
  redis = await startTestRedis();
  const { port, password } = new URL(redis.url);
  server = { kind: "redis", options: { host: "127.0.0.1", port: Number(port), password }, prefix: "watchpost" };
  link = await startLinkServer(agentToken);
  // All of them get their last byte at once, when all have the rest.
  const endings: Array<() => void> = [];
  target = await httpTarget((_request, response) => {
    response.writeHead(200, { "content-length": SIZE });
    response.write(body.subarray(0, -1), () => {
      endings.push(() => response.end(body.subarray(-1)));
      if (endings.length === CHECKS) for (const end of endings.splice(0)) end();
    });
  });
});
afterEach(async () => {
  await agent.end("SIGKILL");
  await target.stop();
  await link.stop();
  await redis.stop();
});

/** The result of each of so many checks that are due at once. */
async function checkAtOnce(): Promise<Result[]> {
  const access = { server, logger: pino({ level: "silent" }), leastPrivilege: false };
  const checks = openQueue<CheckBatch>(checksQueueName(region), access);
  // An agent this busy may lose its hold on the job, and then makes it again.
  const results = new Map<number, Result>();
  const ingest = openWorker<ResultBatch>(
    resultsQueueName(region),
    async ({ data }) => {
      for (const result of data.results) if (!results.has(result.round)) results.set(result.round, result);
    },
    { ...access, concurrency: 5, lockDurationMs: 30_000, stalledIntervalMs: 30_000 },
  );
  void ingest.run();
  const check = httpCheck(`http://127.0.0.1:${target.port}/`, {
    timeoutMs: 60_000,
    maxBodyBytes: SIZE,
    assertions: [{ source: "body", op: "starts_with", value: "\ufffd", level: "down" }],
  });
  const now = Date.now();
  const batch = Array.from({ length: CHECKS }, (_, round) => ({
    ...check,
    round,
    scheduledAt: now,
    expiresAt: now + 100_000,
  }));
  await checks.add("checks", { v: 1, checks: batch }, jobOptions);
  await until(
    () => results.size,
    (count) => count === CHECKS,
    { withinMs: 80_000 },
  );
  await Promise.all([checks.close(), ingest.close()]);
  return [...results.values()];
}

const peakMb = async (): Promise<number> =>
  Number(/^VmHWM:\s+(\d+) kB$/m.exec(await readFile(`/proc/${agent.pid}/status`, "latin1"))?.[1]) / 1_024;

const start = (env: NodeJS.ProcessEnv): void => {
  agent = startAgentProcess(
    { url: link.url, queueServer: server },
    region,
    "agt-1",
    {
      ...leanNode.env,
      ...env,
    },
    { program: "agent.js", execArgv: leanNode.execArgv },
  );
};

test("an agent that may hold fifty bodies of 10 MB lives through them", { timeout: 100_000 }, async () => {
  start({ WATCHPOST_AGENT_BODIES_MB: "2048" });
  const outcomes = (await checkAtOnce()).map(({ status, error }) => `${status} ${error?.message}`);
  expect(new Set(outcomes)).toEqual(new Set(["up undefined"]));
});

test("what an agent has no room for is its own trouble, and bounded", { timeout: 100_000 }, async () => {
  start({});
  const results = await checkAtOnce();
  const outcomes = new Set(results.map(({ status, error }) => `${status} ${error?.code}`));
  expect(outcomes).toEqual(new Set(["up undefined", "error agent_resources"]));
  expect(results.find(({ status }) => status === "error")?.error?.message).toMatch(/^the agent holds 64 MB of bodies/);
  expect(await peakMb()).toBeLessThan(450);
});
