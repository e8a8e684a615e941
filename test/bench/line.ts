import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../coordinator/embedded/free-port.ts";
import { redisPassword, redisUser } from "../../shared/agent-secret.ts";
import { until } from "../support/until.ts";
import type { Program } from "./program.ts";
import { startProgram } from "./program.ts";
import type { Scope } from "./scope.ts";
import type { Stores } from "./stores.ts";

/** How many monitors are made or removed side by side. */
const CALLS_AT_ONCE = 16;
const REGION = "bench";
/** A new monitor's first scheduled check can be due this long after it was made, in ms: its slot may have been pushed. */
const FIRST_CHECK_MS = 2_500;

/** A running Watchpost: a coordinator and one agent per region, each in a process of its own. */
export interface Line {
  readonly coordinatorPid: number;
  /** The agent of the first region. */
  readonly agentPid: number;
  /** Calls the API. @throws Error for every answer that is none of the good ones. */
  call(method: string, path: string, body?: object): Promise<any>;
  /** Resolves when so many monitors exist, each of which is checked once a second in every region. */
  watch(monitors: number): Promise<void>;
  stop(): Promise<void>;
}

/** Its scheduled checks, as a window is taken of them: without those that are made because a monitor is new. */
export const lineResultsSql = `(
  SELECT concat(monitor_id, ' ', region, ' ', toString(round)) AS check_key,
         toUnixTimestamp64Milli(scheduled_at) AS scheduled_ms, toUnixTimestamp64Milli(received_at) AS stored_ms, lateness_ms
  FROM results WHERE attempt = 0)`;

export async function startLine(
  scope: Scope,
  {
    stores,
    targetUrl,
    dir,
    profileDir,
    regions = [REGION],
    enrolled = null,
  }: {
    stores: Stores;
    targetUrl: string;
    dir: string;
    profileDir?: string | undefined;
    regions?: readonly string[];
    /** How agents that are enrolled reach Redis; null for agents that share a token. */
    enrolled?: "tunnel" | "direct" | null;
  },
): Promise<Line> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const adminToken = randomBytes(24).toString("hex");
  const agentToken = randomBytes(24).toString("hex");
  const ids: string[] = [];

  const coordinator = scope.add(
    startProgram(new URL("../../coordinator/main", import.meta.url), {
      env: {
        PORT: String(port),
        DATABASE_URL: stores.postgres.url,
        CLICKHOUSE_URL: stores.clickhouse.url,
        REDIS_URL: stores.redis.url,
        WATCHPOST_ADMIN_TOKEN: adminToken,
        WATCHPOST_AGENT_TOKEN: agentToken,
        WATCHPOST_DATA: `${dir}/watchpost`,
      },
      logFile: `${dir}/coordinator.log`,
      profileDir,
    }),
  );
  await until(
    () =>
      fetch(`${url}/readyz`).then(
        (answer) => answer.ok,
        () => false,
      ),
    (ready) => ready,
    { withinMs: 30_000 },
  );
  const shared = (region: string) => ({
    WATCHPOST_REGION: region,
    WATCHPOST_COORDINATOR_URL: url,
    WATCHPOST_AGENT_TOKEN: agentToken,
    REDIS_URL: stores.redis.url,
  });
  const identities = await Promise.all(
    regions.map((region) => (enrolled === null ? shared(region) : enrol(region, enrolled))),
  );
  const agents = regions.map((region, n) =>
    scope.add(
      startProgram(new URL("../../agent/main", import.meta.url), {
        env: {
          ...identities[n],
          WATCHPOST_ALLOW_PRIVATE_ADDRESSES: "true",
          WATCHPOST_HEALTH_PORT: "0",
          WATCHPOST_AGENT_SPOOL_DIR: `${dir}/spool-${region}`,
          // One machine stands for a region's machines: their room is not what is measured.
          WATCHPOST_AGENT_CONCURRENCY: "2000",
        },
        logFile: `${dir}/agent-${region}.log`,
        profileDir,
      }),
    ),
  );
  await until(
    () => call("GET", "/v1/regions"),
    ({ data }) => data.filter(({ agents }: any) => agents.online === 1).length === regions.length,
    { withinMs: 30_000 },
  );

  async function call(method: string, path: string, body?: object): Promise<any> {
    const answer = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${adminToken}`, ...(body && { "content-type": "application/json" }) },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(30_000),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text === "" ? null : JSON.parse(text);
  }

  /** Makes an agent with a Redis user of its own, whichever way it takes. */
  async function enrol(region: string, way: "tunnel" | "direct"): Promise<NodeJS.ProcessEnv> {
    const { token } = await call("POST", "/v1/enrollment-tokens", { region });
    const told = { token, host: "bench", version: "0", arch: process.arch };
    const { serverTimeMs: _, ...given } = await call("POST", "/agent/enroll", told);
    const file = join(dir, `credential-${given.agentId}`);
    await writeFile(file, JSON.stringify({ ...given, coordinatorUrl: url }), { mode: 0o600 });
    const redis = new URL(stores.redis.url);
    redis.username = redisUser(given.queuePrefix, given.agentId);
    redis.password = redisPassword(given.secret);
    return {
      WATCHPOST_CREDENTIAL_FILE: file,
      STATE_DIRECTORY: join(dir, given.agentId),
      ...(way === "direct" && { REDIS_URL: redis.href }),
    };
  }

  async function make(n: number): Promise<void> {
    const { id } = await call("POST", "/v1/monitors", {
      name: `Bench ${n}`,
      type: "http",
      interval: "1s",
      regions,
      http: { url: targetUrl },
      assertions: [{ source: "status", op: "eq", value: 200 }],
    });
    ids.push(id);
  }

  return {
    coordinatorPid: coordinator.pid,
    agentPid: (agents[0] as Program).pid,
    call,
    async watch(monitors) {
      if (monitors === ids.length) return;
      const missing = Array.from({ length: Math.max(0, monitors - ids.length) }, (_, n) => ids.length + n);
      await sideBySide(missing, make);
      await sideBySide(ids.splice(monitors), (id) => call("DELETE", `/v1/monitors/${id}`));
      await sleep(FIRST_CHECK_MS);
    },
    async stop() {
      await Promise.all(agents.map((agent) => agent.stop()));
      await coordinator.stop();
    },
  };
}

/** Does some work for each of the items, a few at a time. */
export async function sideBySide<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const left = items.values();
  await Promise.all(
    Array.from({ length: CALLS_AT_ONCE }, async () => {
      for (const item of left) await work(item);
    }),
  );
}
