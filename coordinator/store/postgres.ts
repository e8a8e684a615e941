import pg from "pg";
import { errorText } from "../../shared/errors.ts";
import type { Logger } from "../../shared/logger.ts";

export type { Pool as Postgres, PoolClient as PostgresClient } from "pg";

/** No statement of the coordinator may take longer, in ms. */
const STATEMENT_TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 5_000;
const POOL_SIZE = 10;

// bigint columns hold counts and revisions well below 2^53.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

/** A pool of connections to PostgreSQL. Nothing connects before the first query. */
export function openPostgres(url: string, logger: Logger): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: POOL_SIZE,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: STATEMENT_TIMEOUT_MS + 1_000,
    idle_in_transaction_session_timeout: STATEMENT_TIMEOUT_MS,
    application_name: "watchpost",
  });
  // An idle connection that breaks is replaced by the pool; unheard, its error would end the process.
  pool.on("error", (thrown) => logger.warn({ reason: errorText(thrown) }, "A PostgreSQL connection broke"));
  return pool;
}

/** Runs `work` in one transaction: committed when it resolves, rolled back when it throws. */
export async function inTransaction<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  // The pool hears of what breaks an idle connection only; between two statements of ours nobody would, and the process would end.
  const onError = (thrown: Error) => {
    broken = thrown;
  };
  client.on("error", onError);
  try {
    await client.query("BEGIN");
    const outcome = await work(client);
    await client.query("COMMIT");
    return outcome;
  } catch (thrown) {
    await client.query("ROLLBACK").catch((rollback: Error) => {
      broken = rollback;
    });
    throw thrown;
  } finally {
    client.off("error", onError);
    client.release(broken);
  }
}
