import type { ValuesOf } from "../../../shared/env.ts";
import { queueServerFrom, queueServerLabel } from "../../../shared/queues.ts";
import { startClickHouse } from "../../embedded/clickhouse.ts";
import { startPostgres } from "../../embedded/postgres.ts";
import { findRedis, startRedis } from "../../embedded/redis.ts";
import type { EmbeddedServer, EmbeddedServerOptions } from "../../embedded/server.ts";
import type { DataDir } from "./data-dir.ts";
import { setAsideIfLarge } from "./log-file.ts";
import type { startSettings } from "./settings.ts";
import type { Steps } from "./steps.ts";
import { type Supervision, supervise } from "./supervise.ts";

export interface Backends {
  /** What tells the coordinator where its databases are. */
  readonly databases: NodeJS.ProcessEnv;
  /** What tells coordinator and agents where the queues are. */
  readonly queues: NodeJS.ProcessEnv;
}

export interface BackendsOptions {
  readonly values: ValuesOf<typeof startSettings>;
  readonly dir: DataDir;
  readonly steps: Steps;
  /** Told of each server as soon as it runs. */
  readonly started: (server: Supervision) => void;
}

/** Starts the databases and the queue server that the environment does not name, all at once. */
export async function startBackends({ values, dir, steps, started }: BackendsOptions): Promise<Backends> {
  const [databaseUrl, clickhouseUrl, redis] = await Promise.all([
    values.databaseUrl ??
      steps.step(
        "PostgreSQL",
        () => server("PostgreSQL", "postgres", startPostgres),
        (url) => at(url),
      ),
    values.clickhouseUrl ??
      steps.step(
        "ClickHouse",
        () => server("ClickHouse", "clickhouse", startClickHouse),
        (url) => at(url),
      ),
    privateRedis(),
  ]);
  for (const [name, url] of [
    ["PostgreSQL", values.databaseUrl],
    ["ClickHouse", values.clickhouseUrl],
  ] as const) {
    if (url !== null) steps.say(`  ${name.padEnd(15)}          yours, ${at(url)}`);
  }
  return { databases: { DATABASE_URL: databaseUrl, CLICKHOUSE_URL: clickhouseUrl }, queues: queues(redis) };

  async function server(
    name: string,
    directory: string,
    start: (options: EmbeddedServerOptions) => Promise<EmbeddedServer>,
  ): Promise<string> {
    const options = { dataDir: dir.file(directory), logFile: `${dir.logs}/${directory}.log` };
    setAsideIfLarge(options.logFile);
    const first = await start(options);
    // Where its clients look for it, it has to come back.
    const port = Number(new URL(first.url).port);
    started(
      supervise(
        name,
        first,
        () => start({ ...options, port }),
        (text) => steps.warn("start", text),
      ),
    );
    return first.url;
  }

  async function privateRedis(): Promise<string | null> {
    if (namesQueueServer(values)) return null;
    const command = await findRedis();
    if (command === null) return null;
    return steps.step(
      "queues",
      () => server(command, "redis", (options) => startRedis(command, options)),
      (url) => `${command}, ${at(url)}`,
    );
  }

  function queues(redis: string | null): NodeJS.ProcessEnv {
    if (redis !== null) return { REDIS_URL: redis };
    if (namesQueueServer(values)) {
      steps.say(`  queues                   yours, ${queueServerLabel(queueServerFrom(values))}`);
      return {};
    }
    steps.say("  queues                   in PostgreSQL: no redis-server or valkey-server (6.2+) on the PATH");
    return { QUEUE_DATABASE_URL: databaseUrl };
  }
}

const namesQueueServer = ({ redisUrl, redisHost, queueDatabaseUrl }: BackendsOptions["values"]): boolean =>
  [redisUrl, redisHost, queueDatabaseUrl].some((value) => value !== null);

const at = (url: string): string => new URL(url).host;
