import { mkdir } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { findRedis, startRedis } from "../../coordinator/embedded/redis.ts";
import type { CheckBatch } from "../../shared/check.ts";
import { ConfigError } from "../../shared/errors.ts";
import { createLogger } from "../../shared/logger.ts";
import type { QueueServer } from "../../shared/queues.ts";
import {
  checksQueueName,
  jobOptions,
  MAX_BATCH,
  openQueue,
  openWorker,
  resultsQueueName,
} from "../../shared/queues.ts";
import type { ResultBatch } from "../../shared/result.ts";
import { startLinkServer } from "../support/link-server.ts";
import { until } from "../support/until.ts";
import { checkOf } from "./bench-check.ts";
import { startProgram } from "./program.ts";
import type { Scope } from "./scope.ts";

const REGION = "bench";
const TOKEN = "wpg_token-of-the-benchmarks";
const IN_FLIGHT = 50;
/** How many jobs wait for an agent that is kept busy. */
const DEPTH = 40;

/** An agent with its queues, and no coordinator but this. */
export interface LoneAgent {
  /** Its own, or that of the parent of its processes. */
  readonly pid: number;
  /** Results so far. */
  readonly made: number;
  /** Gives it so many checks a second of a target, each due at its own instant, for so long. */
  feed(url: URL, checksPerSecond: number, ms: number): Promise<void>;
  /** Gives it all the checks that it can make, until told to stop. */
  flood(url: URL): () => Promise<void>;
  stop(): Promise<void>;
}

export interface LoneAgentOptions {
  readonly dir: string;
  /** What is run, without its ending; the agent's main module unless told otherwise. */
  readonly program?: URL;
  /** Node's own options. */
  readonly execArgv?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly profileDir?: string | undefined;
}

export async function startQueueServer(scope: Scope, dir: string): Promise<QueueServer & { kind: "redis" }> {
  const command = await findRedis();
  if (command === null) throw new ConfigError("the benchmarks need redis-server 6.2+ on the PATH");
  const dataDir = `${dir}/redis`;
  await mkdir(dataDir);
  const { port, password } = new URL(
    scope.add(await startRedis(command, { dataDir, logFile: `${dir}/redis.log` })).url,
  );
  return { kind: "redis", options: { host: "127.0.0.1", port: Number(port), password }, prefix: "bench" };
}

export async function startLoneAgent(
  scope: Scope,
  server: QueueServer & { kind: "redis" },
  { dir, program, execArgv, env, profileDir }: LoneAgentOptions,
): Promise<LoneAgent> {
  const access = { server, logger: createLogger({ level: "silent", name: "bench" }), leastPrivilege: false };
  const link = scope.add(await startLinkServer(TOKEN));
  const checks = openQueue<CheckBatch>(checksQueueName(REGION), access);
  let made = 0;
  const results = openWorker<ResultBatch>(
    resultsQueueName(REGION),
    async ({ data }) => {
      made += data.results.length;
      const failed = data.results.find(({ status }) => status !== "up");
      if (failed) throw new Error(`a check failed: ${JSON.stringify(failed)}`);
    },
    { ...access, concurrency: 50, lockDurationMs: 30_000, stalledIntervalMs: 30_000 },
  );
  void results.run();
  const { host, port, password } = server.options;
  const agent = startProgram(program ?? new URL("../../agent/main", import.meta.url), {
    env: {
      WATCHPOST_REGION: REGION,
      WATCHPOST_COORDINATOR_URL: link.url,
      WATCHPOST_AGENT_TOKEN: TOKEN,
      WATCHPOST_ALLOW_PRIVATE_ADDRESSES: "true",
      WATCHPOST_HEALTH_PORT: "0",
      WATCHPOST_AGENT_CONCURRENCY: String(IN_FLIGHT),
      WATCHPOST_AGENT_SPOOL_DIR: `${dir}/spool`,
      REDIS_HOST: host as string,
      REDIS_PORT: String(port),
      REDIS_PASSWORD: password ?? "",
      QUEUE_PREFIX: server.prefix,
      ...env,
    },
    logFile: `${dir}/agent.log`,
    profileDir,
    execArgv,
  });
  const lone: LoneAgent = {
    pid: agent.pid,
    get made() {
      return made;
    },
    async feed(url, checksPerSecond, ms) {
      const end = Date.now() + ms;
      for (let second = Date.now() + 1_000; second < end + 1_000; second += 1_000) {
        for (let n = 0; n < checksPerSecond; n += MAX_BATCH) {
          const size = Math.min(MAX_BATCH, checksPerSecond - n);
          const due = (k: number) => second + ((n + k) * 1_000) / checksPerSecond;
          await add(Array.from({ length: size }, (_, k) => checkOf("http", url, due(k))));
        }
        await sleep(Math.max(0, second - Date.now()));
      }
    },
    flood(url) {
      let open = true;
      const fed = (async () => {
        while (open) {
          const waiting = await checks.getWaitingCount();
          for (let n = waiting; n < DEPTH; n++) {
            await add(Array.from({ length: MAX_BATCH }, () => checkOf("http", url, Date.now())));
          }
          await sleep(20);
        }
        await checks.drain();
      })();
      return async () => {
        open = false;
        await fed;
      };
    },
    async stop() {
      await agent.stop();
      await Promise.all([checks.close(), results.close()]);
    },
  };
  async function add(batch: CheckBatch["checks"]): Promise<void> {
    await checks.add("checks", { v: 1, checks: batch }, jobOptions);
  }
  scope.add(lone);
  await agent.message(); // All its processes have started.
  await until(
    () => link.messages,
    (messages) => messages.some(({ type }) => type === "heartbeat"),
    { withinMs: 30_000 },
  );
  return lone;
}
