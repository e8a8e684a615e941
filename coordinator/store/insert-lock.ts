import { DatabaseError } from "pg";
import { errorText } from "../../shared/errors.ts";
import type { Logger } from "../../shared/logger.ts";
import type { Postgres } from "./postgres.ts";
import { inTransaction } from "./postgres.ts";

/** Any constant serves; this one is the letters "watr". */
const INSERT_LOCK = 0x77617472;
/** When PostgreSQL has not begun a transaction within this time, in ms, it counts as away. */
const ANSWER_MS = 1_000;
/** How long the others may take, in ms, and how long a holder that stands still may keep them waiting. */
const LOCK_TIMEOUT_MS = 5_000;
const HOLD_MS = 25_000;
const LOCK_NOT_AVAILABLE = "55P03";

/**
 * Orders what several coordinators insert: rows that are surely new go in beside one
 * another; to look up what may be stored already and then insert the rest, a
 * coordinator has to be alone. While PostgreSQL is away, nobody waits: the work is
 * done without the lock.
 */
export interface InsertLock {
  /** Others may insert at the same time, but nobody is looking up. */
  shared<T>(work: () => Promise<T>): Promise<T>;
  /** Nobody else inserts. */
  exclusive<T>(work: () => Promise<T>): Promise<T>;
}

/** Both ways throw what the work throws, and Error when others have held the lock for too long. Never one within the other. */
export function createInsertLock(postgres: Postgres, logger: Logger): InsertLock {
  let away = false;

  async function hold<T>(lock: string, work: () => Promise<T>): Promise<T> {
    let outcome: Promise<T> | undefined;
    const begin = (): Promise<T> => {
      outcome ??= work();
      return outcome;
    };
    let timer: NodeJS.Timeout | undefined;
    const silence = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer within ${ANSWER_MS} ms`)), ANSWER_MS);
    });
    const held = inTransaction(postgres, async (client) => {
      clearTimeout(timer);
      if (outcome) return;
      await client.query(
        `SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}; SET LOCAL idle_in_transaction_session_timeout = ${HOLD_MS};
         SELECT ${lock}(${INSERT_LOCK})`,
      );
      away = false;
      await begin();
    });
    try {
      await Promise.race([held, silence]);
    } catch (thrown) {
      if (!outcome && thrown instanceof DatabaseError && thrown.code === LOCK_NOT_AVAILABLE) throw thrown;
      if (!outcome && !away) {
        away = true;
        logger.warn({ reason: errorText(thrown) }, "PostgreSQL is away: results are stored without a lock");
      }
    } finally {
      clearTimeout(timer);
      held.catch(() => undefined);
    }
    return begin();
  }

  return {
    shared: (work) => hold("pg_advisory_xact_lock_shared", work),
    exclusive: (work) => hold("pg_advisory_xact_lock", work),
  };
}
