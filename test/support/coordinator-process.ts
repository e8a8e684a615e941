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
}

/**
 * Resolves when it is ready; one that does not become so is ended, and what it wrote is in the failure.
 * @param port a free one, unless told otherwise
 */
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
  let isOver = false;
  void program.exited.then(() => {
    isOver = true;
  });
  const isReady = () =>
    fetch(`${url}/readyz`, { signal: AbortSignal.timeout(10_000) }).then(
      ({ ok }) => ok,
      () => false,
    );
  try {
    await until(
      async () => isOver || (await isReady()),
      (settled) => settled,
    );
  } catch (thrown) {
    await program.end("SIGKILL");
    throw new Error(`${(thrown as Error).message}\n${program.output()}`);
  }
  if (!isOver) return { ...program, url };
  // Somebody else may have taken the port since it was found free.
  if (port === undefined && program.output().includes("is in use by another program"))
    return startCoordinatorProcess(places, env);
  throw new Error(`a coordinator has ended: ${program.output()}`);
}
