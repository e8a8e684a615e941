import { createClient } from "@clickhouse/client";
import { type AgentProcess, startAgentProcess } from "../support/agent-process.ts";
import { adminToken } from "../support/coordinator.ts";
import { startCoordinatorProcess } from "../support/coordinator-process.ts";
import type { ProgramProcess } from "../support/program-process.ts";
import { freePort } from "../support/servers.ts";
import { testClickHouse, testDatabase } from "../support/shared-servers.ts";
import { httpTarget } from "../support/targets.ts";
import { tempDir } from "../support/temp-dir.ts";
import { until } from "../support/until.ts";
import { startFragileRedis } from "./redis.ts";
import { type FragileStore, startFragileClickHouse, startFragilePostgres } from "./store.ts";

/** The target's answers have this header, of a value that makes failed assertions as long as they can be. */
export const LONG_HEADER = "x-long";

/** How the scheduled checks of a run ended, over all its monitors. */
export interface Counts {
  readonly scheduled: number;
  readonly stored: number;
  readonly missed: Readonly<Record<"no_agent" | "expired" | "backlog" | "coordinator_down", number>>;
  /** Those of the expired of which the agent that had them reported that it was too late for them. */
  readonly reportedExpired: number;
  /** Rows of results beyond one per check. */
  readonly duplicates: number;
  readonly down: number;
}

/** Real programs in processes of their own, on a Redis that can be hurt. */
export type Deployment = Awaited<ReturnType<typeof deploy>>;

export async function deploy({
  coordinators = 1,
  agents = 1,
  persistent = true,
  ownStores = false,
  agentEnv = {},
}: {
  coordinators?: number;
  agents?: number;
  persistent?: boolean;
  /** Databases of its own, which can be killed, in place of those that all tests share. */
  ownStores?: boolean;
  agentEnv?: NodeJS.ProcessEnv;
} = {}) {
  let broken = false;
  const [database, clickhouse, redis, target, data, ...ports] = await Promise.all([
    ownStores ? startFragilePostgres() : testDatabase(),
    ownStores ? startFragileClickHouse() : testClickHouse(),
    startFragileRedis({ persistent }),
    httpTarget((_, response) => {
      response.statusCode = broken ? 500 : 200;
      response.setHeader(LONG_HEADER, '"'.repeat(200));
      response.end();
    }),
    tempDir(),
    ...Array.from({ length: coordinators }, freePort),
  ]);
  const queueServer = { kind: "redis", options: { host: "127.0.0.1", port: redis.port }, prefix: "watchpost" } as const;
  const places = { databaseUrl: database.url, clickhouseUrl: clickhouse.url, queueServer, dataDir: data.path };
  const coordinatorOn = (port: number) => startCoordinatorProcess(places, {}, port);
  const url = `http://127.0.0.1:${ports[0]}`;

  async function call(method: string, path: string, body?: unknown): Promise<any> {
    const response = await fetch(url + path, {
      method,
      headers: {
        authorization: `Bearer ${adminToken}`,
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    if (text === "") return null;
    return response.headers.get("content-type")?.includes("json") ? JSON.parse(text) : text;
  }

  const processes: { coordinators: ProgramProcess[]; agents: AgentProcess[] } = { coordinators: [], agents: [] };
  processes.coordinators.push(...(await Promise.all(ports.map(coordinatorOn))));
  const spoolDir = (n: number): string => `${data.path}/agent-${n}`;
  const agentNumber = (n: number): AgentProcess =>
    startAgentProcess({ url, queueServer }, "eu-west", `agt-${n}`, {
      WATCHPOST_AGENT_SPOOL_DIR: spoolDir(n),
      ...agentEnv,
    });
  for (let n = 0; n < agents; n++) processes.agents.push(agentNumber(n));
  await until(
    () => call("GET", "/v1/regions"),
    ({ data }) => data[0]?.agents.online === agents,
    { withinMs: 30_000 },
  );

  const monitors: string[] = [];
  async function newest(): Promise<number[]> {
    const pages = await Promise.all(monitors.map((id) => call("GET", `/v1/monitors/${id}/results?limit=1`)));
    return pages.map(({ data }) => (data[0] ? Date.parse(data[0].scheduledAt) : 0));
  }

  async function inClickHouse<Row>(query: string): Promise<Row[]> {
    const client = createClient({ url: clickhouse.url });
    try {
      return await (await client.query({ query, format: "JSONEachRow" })).json<Row>();
    } finally {
      await client.close();
    }
  }

  return {
    ...processes,
    url,
    inClickHouse,
    redis,
    queueServer,
    postgres: database as FragileStore,
    clickhouse: clickhouse as FragileStore,
    call,
    /** Has the target answer with 500, or well again. */
    breakTarget(isBroken: boolean): void {
      broken = isBroken;
    },
    /** Resolves when every monitor has this verdict. */
    async verdicts(verdict: string, withinMs = 15_000): Promise<void> {
      await until(
        () => call("GET", "/v1/monitors?limit=100"),
        ({ data }) => data.every(({ status }: any) => status.verdict === verdict),
        { withinMs },
      );
    },
    /** Resolves when the first coordinator has nothing more on disk for ClickHouse. */
    async spoolEmptied(withinMs: number): Promise<void> {
      await until(
        () => call("GET", "/metrics"),
        (text) => /^watchpost_spool_blocks 0$/m.test(text),
        { withinMs, everyMs: 200 },
      );
    },
    /** How many scheduled checks that were due from `from` to below `to` are in ClickHouse. */
    async storedBetween(from: number, to: number): Promise<number> {
      const [row] = await inClickHouse<{ stored: string }>(
        `SELECT uniqExact(monitor_id, region, round) AS stored FROM results
         WHERE attempt = 0 AND ${dueIn(from, to)}`,
      );
      return Number(row?.stored);
    },
    /** Starts a coordinator again in the place of one that is gone, and waits until it is ready. */
    async restartCoordinator(n: number): Promise<void> {
      processes.coordinators[n] = await coordinatorOn(ports[n] as number);
    },
    spoolDir,
    /** Starts an agent again in the place of one that is gone, on its spool. */
    restartAgent(n: number): void {
      processes.agents[n] = agentNumber(n);
    },
    /** Makes monitors and waits until each has been checked. */
    async watch(count: number, document: object = {}): Promise<void> {
      const made = await Promise.all(
        Array.from({ length: count }, (_, n) =>
          call("POST", "/v1/monitors", {
            name: `Fault ${n}`,
            type: "http",
            interval: "1s",
            timeout: "1s",
            http: { url: `http://127.0.0.1:${target.port}/` },
            ...document,
          }),
        ),
      );
      monitors.push(...made.map(({ id }) => id));
      await until(newest, (all) => all.every((at) => at > 0));
    },
    /** Resolves when every monitor has results of checks that were due this long from now, in ms. */
    async flowing(forMs: number, withinMs = 40_000): Promise<void> {
      const mark = Date.now() + forMs;
      await until(newest, (all) => all.every((at) => at >= mark), { withinMs, everyMs: 200 });
    },
    /** Counts the checks of all monitors that were due since an instant, once the last of them is settled. */
    async countSince(begin: number): Promise<Counts> {
      const end = Date.now();
      const window = `from=${new Date(begin).toISOString()}&to=${new Date(end).toISOString()}`;
      const stats = await Promise.all(
        monitors.map((id) =>
          until(
            () => call("GET", `/v1/monitors/${id}/stats?${window}`),
            ({ to }) => Date.parse(to) === end,
            { withinMs: 40_000, everyMs: 300 },
          ),
        ),
      );
      const sum = (pick: (total: any) => number) => stats.reduce((all, { total }) => all + pick(total), 0);
      const [row] = await inClickHouse<{ duplicates: string; reported: string }>(
        `SELECT (SELECT count() - uniqExact(monitor_id, region, round, attempt) FROM results) AS duplicates,
                (SELECT uniqExact(monitor_id, region, round) FROM misses
                 WHERE reason = 'expired' AND attempt = 0 AND ${dueIn(begin, end)}
                   AND (monitor_id, region, round) NOT IN (SELECT monitor_id, region, round FROM results WHERE attempt = 0)
                ) AS reported`,
      );
      return {
        scheduled: sum((total) => total.scheduled),
        stored: sum((total) => total.results),
        missed: {
          no_agent: sum((total) => total.missed.no_agent),
          expired: sum((total) => total.missed.expired),
          backlog: sum((total) => total.missed.backlog),
          coordinator_down: sum((total) => total.missed.coordinator_down),
        },
        reportedExpired: Number(row?.reported),
        duplicates: Number(row?.duplicates),
        down: sum((total) => total.statuses.down),
      };
    },
    async stop(): Promise<void> {
      const { coordinators, agents } = processes;
      await Promise.all([...coordinators, ...agents].map((program) => program.end("SIGKILL")));
      await Promise.all([redis.stop(), target.stop(), database.stop(), clickhouse.stop(), data.remove()]);
    },
  };
}

const dueIn = (from: number, to: number): string =>
  `toUnixTimestamp64Milli(scheduled_at) >= ${from} AND toUnixTimestamp64Milli(scheduled_at) < ${to}`;

/** How many scheduled checks were not made. */
export const missedIn = ({ missed }: Counts): number => Object.values(missed).reduce((a, b) => a + b, 0);
