import { errorText } from "../shared/errors.ts";
import type { Part } from "../shared/lifecycle.ts";
import { withDeadline } from "../shared/lifecycle.ts";
import type { Logger } from "../shared/logger.ts";
import type { QueueServer } from "../shared/queues.ts";
import { openQueue, queueServerLabel } from "../shared/queues.ts";
import { retryUntil } from "../shared/retry.ts";
import type { CoordinatorConfig } from "./config.ts";
import type { ReadinessProbes } from "./readiness.ts";
import type { ClickHouse } from "./store/clickhouse.ts";
import { migrate } from "./store/migrate.ts";
import type { Postgres } from "./store/postgres.ts";

const ASK_DEADLINE_MS = 5_000;
/** Of the queue without jobs, which has none. */
const EVENTS_KEPT = 100;

/** What the coordinator works with and does not bring itself. */
export interface Dependencies extends Part {
  readonly probes: ReadinessProbes;
}

/**
 * Waits at the start until PostgreSQL, ClickHouse and the queue server answer,
 * and brings the schemas up to date.
 * @throws Error naming what is still missing after the configured time.
 */
export function awaitDependencies({
  postgres,
  clickhouse,
  queueServer,
  config,
  logger,
}: {
  readonly postgres: Postgres;
  readonly clickhouse: ClickHouse;
  readonly queueServer: QueueServer;
  readonly config: Pick<
    CoordinatorConfig,
    "startupTimeoutS" | "resultsTtlDays" | "minutesTtlDays" | "hoursTtlDays" | "daysTtlDays"
  >;
  readonly logger: Logger;
}): Dependencies {
  // A queue without jobs, to ask the queue server on; its connection also makes the schema of a PostgreSQL one.
  const queue = openQueue("{control}", { server: queueServer, logger, leastPrivilege: false });
  const probes = {
    postgres: () => postgres.query("SELECT 1"),
    clickhouse: async () => {
      const answer = await clickhouse.ping();
      if (!answer.success) throw answer.error;
    },
    // With a full disk, or as a replica, Redis answers questions all the same: it is asked for a write that changes nothing.
    queue: () => (queueServer.kind === "redis" ? queue.trimEvents(EVENTS_KEPT) : queue.getJobCounts("wait")),
  };

  async function waitFor(name: string, probe: () => Promise<unknown>): Promise<void> {
    const begun = performance.now();
    try {
      const deadlineMs = config.startupTimeoutS * 1_000;
      await retryUntil(() => withDeadline(probe(), Math.min(ASK_DEADLINE_MS, deadlineMs), "no answer"), {
        deadlineMs,
        baseMs: 200,
        capMs: 3_000,
        onRetry: (thrown, attempt) => logger.warn({ attempt, reason: errorText(thrown) }, `Waiting for ${name}`),
      });
    } catch (thrown) {
      throw new Error(`${name} did not answer within ${config.startupTimeoutS} s: ${errorText(thrown)}`);
    }
    logger.info({ ms: Math.round(performance.now() - begun) }, `${name} is ready`);
  }

  return {
    probes,
    async start() {
      await Promise.all([waitFor("PostgreSQL", probes.postgres), waitFor("ClickHouse", probes.clickhouse)]);
      const { resultsTtlDays, minutesTtlDays, hoursTtlDays, daysTtlDays } = config;
      const keep = { results: resultsTtlDays, minutes: minutesTtlDays, hours: hoursTtlDays, days: daysTtlDays };
      await migrate(postgres, clickhouse, keep);
      await waitFor("The queue server", probes.queue);
      logger.info({ server: queueServerLabel(queueServer) }, "BullMQ queue ready");
    },
    stop: () => queue.close(),
  };
}
