import { join } from "node:path";
import { startClickHouse } from "../../coordinator/embedded/clickhouse.ts";
import { startPostgres } from "../../coordinator/embedded/postgres.ts";
import { findRedis, startRedis } from "../../coordinator/embedded/redis.ts";
import type { EmbeddedServer, EmbeddedServerOptions } from "../../coordinator/embedded/server.ts";
import { tempDir } from "./temp-dir.ts";

export { freePort } from "../../coordinator/embedded/free-port.ts";

/** A test's own server; `stop` also removes its data. */
export type TestServer = EmbeddedServer;

async function inTempDir(start: (options: EmbeddedServerOptions) => Promise<EmbeddedServer>): Promise<TestServer> {
  const dir = await tempDir();
  try {
    const server = await start({ dataDir: join(dir.path, "data"), logFile: join(dir.path, "log") });
    return {
      ...server,
      async stop(patienceMs) {
        await server.stop(patienceMs);
        await dir.remove();
      },
    };
  } catch (thrown) {
    await dir.remove();
    throw thrown;
  }
}

/** A PostgreSQL of the test's own (1 s), for what would disturb others; the rest shares one: `testDatabase()`. */
export const startTestPostgres = (): Promise<TestServer> =>
  inTempDir((options) => startPostgres({ ...options, durable: false }));

/** A ClickHouse of the test's own (0.5 s, 250 MB), for what would disturb others; the rest shares one: `testClickHouse()`. */
export const startTestClickHouse = (): Promise<TestServer> => inTempDir(startClickHouse);

/** A Redis of the test's own (30 ms). */
export const startTestRedis = (): Promise<TestServer> =>
  inTempDir(async (options) => {
    const command = await findRedis();
    if (command === null) throw new Error("no redis-server on the PATH: apt-get install redis-server");
    return startRedis(command, options);
  });
