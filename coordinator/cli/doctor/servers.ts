import { queueServerLabel } from "../../../shared/queues.ts";
import { CommandFailure } from "../failure.ts";
import type { Addresses } from "./addresses.ts";
import { checkClickHouseAt } from "./clickhouse.ts";
import { type Finding, ok, skipped, trouble } from "./finding.ts";
import { checkPostgresAt } from "./postgres.ts";
import { checkRedisAt } from "./redis.ts";
import type { Survey } from "./survey.ts";

/*
 * The servers that Watchpost works with: looked at directly where this environment
 * has their address, else as the coordinator sees them.
 */

export async function checkQueueServer(
  { queueServer }: Addresses,
  survey: Survey | CommandFailure,
): Promise<Finding[]> {
  const check = "Queue server";
  if (queueServer === null) return [seenByCoordinator(check, "queue", "REDIS_HOST", survey)];
  if (queueServer.kind === "redis") return await checkRedisAt(queueServerLabel(queueServer), queueServer.options);
  return [await checkPostgresAt(check, queueServer.connectionString, "QUEUE_DATABASE_URL")];
}

export async function checkPostgres({ databaseUrl }: Addresses, survey: Survey | CommandFailure): Promise<Finding[]> {
  const check = "PostgreSQL";
  if (databaseUrl === null) return [seenByCoordinator(check, "postgres", "DATABASE_URL", survey)];
  return [await checkPostgresAt(check, databaseUrl, "DATABASE_URL")];
}

export async function checkClickHouse(
  { clickhouseUrl }: Addresses,
  survey: Survey | CommandFailure,
): Promise<Finding[]> {
  const check = "ClickHouse";
  if (clickhouseUrl === null) return [seenByCoordinator(check, "clickhouse", "CLICKHOUSE_URL", survey)];
  return [await checkClickHouseAt(check, clickhouseUrl)];
}

function seenByCoordinator(
  check: string,
  part: "queue" | "postgres" | "clickhouse",
  variable: string,
  survey: Survey | CommandFailure,
): Finding {
  if (survey instanceof CommandFailure) {
    return skipped(check, `${variable} is not set here, and the coordinator cannot be asked`);
  }
  const state = survey.readiness[part];
  if (state?.ok) return ok(check, "the coordinator reaches it");
  return trouble(
    check,
    `the coordinator does not reach it: ${state?.reason ?? "it does not say why"}`,
    `see the coordinator's log; set ${variable} to have a closer look from here`,
  );
}
