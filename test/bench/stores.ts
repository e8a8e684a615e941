import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { startClickHouse } from "../../coordinator/embedded/clickhouse.ts";
import { startPostgres } from "../../coordinator/embedded/postgres.ts";
import { findRedis, startRedis } from "../../coordinator/embedded/redis.ts";
import type { EmbeddedServer } from "../../coordinator/embedded/server.ts";
import { ConfigError } from "../../shared/errors.ts";
import type { Scope } from "./scope.ts";

/** The servers that the measured design and its baseline share, as durable as in production. */
export interface Stores {
  readonly redis: EmbeddedServer;
  readonly postgres: EmbeddedServer;
  readonly clickhouse: EmbeddedServer;
}

/** @throws ConfigError when there is no Redis on the PATH. */
export async function startStores(scope: Scope, dir: string): Promise<Stores> {
  const command = await findRedis();
  if (command === null) throw new ConfigError("the benchmarks need redis-server 6.2+ on the PATH");
  const place = async (name: string) => {
    const dataDir = join(dir, name);
    await mkdir(dataDir);
    return { dataDir, logFile: join(dir, `${name}.log`) };
  };
  const redis = scope.add(await startRedis(command, await place("redis")));
  const postgres = scope.add(await startPostgres(await place("postgres")));
  const clickhouse = scope.add(await startClickHouse(await place("clickhouse")));
  return { redis, postgres, clickhouse };
}
