import { join } from "node:path";
import { startClickHouse } from "../../coordinator/embedded/clickhouse.ts";
import { startPostgres } from "../../coordinator/embedded/postgres.ts";
import type { EmbeddedServer, EmbeddedServerOptions } from "../../coordinator/embedded/server.ts";
import { freePort } from "../support/servers.ts";
import { tempDir } from "../support/temp-dir.ts";

/** A database that can be killed and brought back where it was, with what it had. */
export interface FragileStore {
  readonly url: string;
  kill(): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

async function startFragile(start: (options: EmbeddedServerOptions) => Promise<EmbeddedServer>): Promise<FragileStore> {
  const [dir, port] = await Promise.all([tempDir(), freePort()]);
  const options = { dataDir: join(dir.path, "data"), logFile: join(dir.path, "log"), port };
  let server = await start(options);
  return {
    url: server.url,
    async kill() {
      process.kill(server.pid, "SIGKILL");
      await server.ended;
    },
    async restart() {
      server = await start(options);
    },
    async stop() {
      await server.stop();
      await dir.remove();
    },
  };
}

export const startFragilePostgres = () => startFragile(startPostgres);
export const startFragileClickHouse = () => startFragile(startClickHouse);
