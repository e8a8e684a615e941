import type { QueueServer } from "../../shared/queues.ts";
import { queueEnv } from "./agent-process.ts";
import { adminToken, agentToken } from "./coordinator.ts";
import type { ProgramProcess } from "./program-process.ts";
import { startProgram } from "./program-process.ts";
import { secretKey } from "./secrets.ts";
import { freePort } from "./servers.ts";
import { until } from "./until.ts";

/** A real coordinator, which whoever started it ends. */
export interface CoordinatorProcess extends ProgramProcess {
  readonly url: string;
  /** Resolves when it says so; fails with what it wrote. */
  ready(): Promise<void>;
}

/** @param port a free one, unless told otherwise. */
export async function startCoordinatorProcess(
  places: {
    readonly databaseUrl: string;
    readonly clickhouseUrl: string;
    readonly queueServer: QueueServer;
    readonly dataDir: string;
  },
  env: NodeJS.ProcessEnv = {},
  port?: number,
): Promise<CoordinatorProcess> {
  const own = port ?? (await freePort());
  const url = `http://127.0.0.1:${own}`;
  const program = startProgram("coordinator/main.js", {
    PORT: String(own),
    DATABASE_URL: places.databaseUrl,
    CLICKHOUSE_URL: places.clickhouseUrl,
    ...queueEnv(places.queueServer),
    WATCHPOST_ADMIN_TOKEN: adminToken,
    WATCHPOST_AGENT_TOKEN: agentToken,
    WATCHPOST_KEY: secretKey,
    WATCHPOST_DATA: places.dataDir,
    ...env,
  });
  const isReady = () =>
    fetch(`${url}/readyz`, { signal: AbortSignal.timeout(10_000) }).then(
      ({ ok }) => ok,
      () => false,
    );
  return {
    ...program,
    url,
    async ready() {
      await until(isReady, (ready) => ready).catch((thrown) => {
        throw new Error(`${thrown.message}\n${program.output()}`);
      });
    },
  };
}
