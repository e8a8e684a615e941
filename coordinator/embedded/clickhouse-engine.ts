import { setTimeout as sleep } from "node:timers/promises";
import type { ChdbResult, Session } from "chdb";
import { ConfigError, errorText } from "../../shared/errors.ts";

/** Queries that run at once; each holds a thread and, while it runs, its memory. */
const CONCURRENCY = 6;
/** The server of a killed run lingers before it lets go of the directory. */
const OPEN_ATTEMPTS = 60;
const RETRY_EVERY_MS = 250;

/** As a ClickHouse server behaves, where the engine embedded would not; and a bound where it has none. */
const connectionArgs = ["--implicit_select=0", "--max_execution_time=60"];

export interface Statement {
  readonly sql: string;
  /** The format of the answer where the statement names none. */
  readonly format: string;
  readonly database: string | null;
  readonly settings: ReadonlyMap<string, string>;
  /** Values for `{name:Type}` in the statement, as ClickHouse's HTTP interface takes them. */
  readonly parameters: ReadonlyMap<string, string>;
  /** Aborted when nobody waits for the answer any more; only a statement that has not begun can be dropped. */
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly body: Uint8Array;
  readonly rowsRead: number;
  readonly bytesRead: number;
  readonly elapsedMs: number;
}

export interface Engine {
  run(statement: Statement): Promise<Answer>;
  /** Waits for what runs, then closes. */
  close(): Promise<void>;
}

/**
 * The ClickHouse engine on one directory, which no other process may use at the
 * same time. Every statement has a session of its own (0.5 ms), so that nothing
 * it sets outlives it.
 * @throws ConfigError when it is not installed, or when the directory is in use.
 */
export async function openEngine(dataDir: string): Promise<Engine> {
  const chdb = await loadChdb();
  const base = await openBase(chdb, dataDir);
  const waiting: Array<() => void> = [];
  let running = 0;

  async function turn(): Promise<void> {
    if (running >= CONCURRENCY) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
  }
  function done(): void {
    const next = waiting.shift();
    if (next) next();
    else running--;
  }

  return {
    async run(statement) {
      await turn();
      try {
        statement.signal.throwIfAborted();
        const session = new chdb.Session(dataDir);
        try {
          return await runIn(session, statement);
        } finally {
          session.close();
        }
      } finally {
        done();
      }
    },
    async close() {
      await chdb.drainPending();
      base.close();
    },
  };
}

async function runIn(session: Session, { sql, format, database, settings, parameters }: Statement): Promise<Answer> {
  const assignments = [
    ...[...settings].map(([name, value]) => `${name} = ${quoted(value)}`),
    ...[...parameters].map(([name, value]) => `param_${name} = ${quoted(value)}`),
  ];
  const before = [
    ...(database === null ? [] : [`USE ${identifier(database)}`]),
    ...(assignments.length === 0 ? [] : [`SET ${assignments.join(", ")}`]),
  ];
  // In one call: each goes through two thread pools, which a busy machine is slow to wake.
  if (before.length > 0) await session.queryAsync(before.join("; "));
  const result: ChdbResult = await session.queryAsync(sql, { format });
  return {
    body: result.bytes(),
    rowsRead: result.rowsRead,
    bytesRead: result.bytesRead,
    elapsedMs: result.elapsed * 1_000,
  };
}

const quoted = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
const identifier = (name: string): string => `\`${name.replaceAll("\\", "\\\\").replaceAll("`", "\\`")}\``;

async function loadChdb(): Promise<typeof import("chdb")> {
  try {
    return await import("chdb");
  } catch (thrown) {
    throw new ConfigError(
      `no ClickHouse engine for ${process.platform}-${process.arch} (${errorText(thrown)}): set CLICKHOUSE_URL to a ClickHouse server`,
    );
  }
}

/** The session that keeps the engine open. */
async function openBase(chdb: typeof import("chdb"), dataDir: string): Promise<Session> {
  for (let attempt = 1; ; attempt++) {
    try {
      return new chdb.Session(dataDir, { connectionArgs });
    } catch (thrown) {
      if (attempt === OPEN_ATTEMPTS) {
        throw new ConfigError(`ClickHouse's data in ${dataDir} cannot be opened: ${errorText(thrown)}`);
      }
      await sleep(RETRY_EVERY_MS);
    }
  }
}
