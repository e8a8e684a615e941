import { startProgram } from "../program.ts";
import type { Scope } from "../scope.ts";
import type { Stores } from "../stores.ts";

export interface SeedDesignOptions {
  readonly stores: Stores;
  readonly targetUrl: string;
  /** Each is checked once a second. */
  readonly monitors: number;
  /** Checks in flight at once. */
  readonly concurrency: number;
  readonly dir: string;
  readonly profileDir?: string | undefined;
}

/** Its results, as a window is taken of them. */
export const seedResultsSql = `(
  SELECT concat(monitor_id, ' ', toString(scheduled_at)) AS check_key,
         toUnixTimestamp64Milli(scheduled_at) AS scheduled_ms, toUnixTimestamp64Milli(stored_at) AS stored_ms,
         toFloat32(toUnixTimestamp64Milli(started_at) - scheduled_ms) AS lateness_ms
  FROM seed_results)`;

/** The design that the project began from, running from its beginning in a process of its own. */
export async function startSeedDesign(
  scope: Scope,
  { stores, targetUrl, monitors, concurrency, dir, profileDir }: SeedDesignOptions,
): Promise<{ readonly pid: number; stop(): Promise<void> }> {
  const program = scope.add(
    startProgram(new URL("./scheduler-per-monitor-program", import.meta.url), {
      env: {
        REDIS_URL: stores.redis.url,
        DATABASE_URL: stores.postgres.url,
        CLICKHOUSE_URL: stores.clickhouse.url,
        TARGET_URL: targetUrl,
        MONITORS: String(monitors),
        CONCURRENCY: String(concurrency),
      },
      logFile: `${dir}/seed-design.log`,
      profileDir,
    }),
  );
  await program.message();
  return program;
}
