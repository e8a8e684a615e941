import type { ClickHouse } from "../../coordinator/store/clickhouse.ts";
import { openClickHouse } from "../../coordinator/store/clickhouse.ts";
import { migrate } from "../../coordinator/store/migrate.ts";
import type { Postgres } from "../../coordinator/store/postgres.ts";
import { openPostgres } from "../../coordinator/store/postgres.ts";
import { createLogger } from "../../shared/logger.ts";
import { testClickHouse, testDatabase } from "./shared-servers.ts";

/** Fresh stores with their schemas, and nothing else of a coordinator. */
export async function testStores(): Promise<{ postgres: Postgres; clickhouse: ClickHouse; stop(): Promise<void> }> {
  const [database, results] = await Promise.all([testDatabase(), testClickHouse()]);
  const postgres = openPostgres(database.url, createLogger({ level: "silent", name: "test" }));
  const clickhouse = openClickHouse(results.url);
  await migrate(postgres, clickhouse, { results: 90, minutes: 120, hours: 800, days: 3_650 });
  return {
    postgres,
    clickhouse,
    async stop() {
      await Promise.all([postgres.end(), clickhouse.close()]);
      await Promise.all([database.stop(), results.stop()]);
    },
  };
}
