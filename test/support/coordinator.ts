import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CoordinatorConfig } from "../../coordinator/config.ts";
import { createCoordinator } from "../../coordinator/coordinator.ts";
import { parseKeys } from "../../coordinator/secrets/keys.ts";
import type { QueueServer } from "../../shared/queues.ts";
import { secretKey } from "./secrets.ts";
import { testClickHouse, testDatabase, testQueueServer } from "./shared-servers.ts";
import { tempDir } from "./temp-dir.ts";

export const adminToken = "wpa_admin-token-of-the-tests";
export const agentToken = "wpg_agent-token-of-the-tests";

export interface Answer {
  readonly status: number;
  readonly body: any;
}

/** A coordinator on real, empty stores, in the test's own process. */
export interface TestCoordinator {
  readonly url: string;
  readonly databaseUrl: string;
  readonly clickhouseUrl: string;
  readonly queueServer: QueueServer;
  /** Calls the API with the admin token; `token: null` sends none. */
  call(method: string, path: string, body?: unknown, token?: string | null): Promise<Answer>;
  /** Starts one more on the same stores and queues. */
  another(changes?: Partial<CoordinatorConfig>): Promise<TestCoordinator>;
  stop(): Promise<void>;
}

type Places = Pick<CoordinatorConfig, "databaseUrl" | "clickhouseUrl" | "queueServer"> & { dataDir?: string };

/** The configuration of a coordinator of a test, on any free port. */
export const testConfig = (places: Places): CoordinatorConfig => ({
  port: 0,
  host: "127.0.0.1",
  adminToken,
  agentToken,
  secretKeys: parseKeys(secretKey),
  secretKeyFile: null,
  tls: null,
  trustedProxies: null,
  agentRedisUrl: null,
  resultsTtlDays: 90,
  minutesTtlDays: 120,
  hoursTtlDays: 800,
  daysTtlDays: 3_650,
  regionCleanS: 120,
  spoolMaxMb: 64,
  spoolMaxAgeHours: 24,
  // Where a test keeps its coordinator from spooling, this is not made.
  dataDir: join(tmpdir(), "watchpost-test-unused"),
  roles: ["schedule", "ingest", "api", "notify"],
  publicUrl: null,
  notifyCommands: [],
  channelTimeoutS: 60,
  agentReleases: null,
  startupTimeoutS: 20,
  logLevel: (process.env.TEST_LOG_LEVEL as CoordinatorConfig["logLevel"]) ?? "silent",
  ...places,
});

export async function startTestCoordinator(
  kind: QueueServer["kind"] = "redis",
  changes: Partial<CoordinatorConfig> = {},
): Promise<TestCoordinator> {
  const [database, clickhouse, queues, dir] = await Promise.all([
    testDatabase(),
    testClickHouse(),
    testQueueServer(kind),
    tempDir(),
  ]);
  const places = {
    databaseUrl: database.url,
    clickhouseUrl: clickhouse.url,
    queueServer: queues.server,
    dataDir: dir.path,
  };
  const coordinator = await startOn(places, changes);
  return {
    ...coordinator,
    async stop() {
      await coordinator.stop();
      await Promise.all([database.stop(), clickhouse.stop(), queues.stop(), dir.remove()]);
    },
  };
}

async function startOn(places: Places, changes: Partial<CoordinatorConfig>): Promise<TestCoordinator> {
  const coordinator = createCoordinator({ ...testConfig(places), ...changes });
  await coordinator.start();
  const url = `http://127.0.0.1:${coordinator.port()}`;
  return {
    url,
    ...places,
    another: (more = {}) => startOn(places, more),
    async call(method, path, body, token = adminToken) {
      const response = await fetch(url + path, {
        method,
        headers: {
          ...(token !== null && { authorization: `Bearer ${token}` }),
          ...(body !== undefined && { "content-type": "application/json" }),
        },
        ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
        signal: AbortSignal.timeout(10_000),
      });
      const text = await response.text();
      const isJson = /json/.test(response.headers.get("content-type") ?? "");
      return { status: response.status, body: isJson ? JSON.parse(text) : text || null };
    },
    stop: coordinator.stop,
  };
}
