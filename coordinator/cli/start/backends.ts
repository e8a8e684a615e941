import type { ValuesOf } from "../../../shared/env.ts";
import { errorText } from "../../../shared/errors.ts";
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
  /** What tells coordinator and agents where the queues are; nothing when the environment does already. */
  readonly queues: NodeJS.ProcessEnv;
}

export interface BackendsOptions {
  readonly values: ValuesOf<typeof startSettings>;
  readonly dir: DataDir;
  readonly steps: Steps;
  readonly warn: Steps["warn"];
  /** Told of each server as soon as it runs. */
  readonly started: (server: Supervision) => void;
}

/** Starts the databases and the queue server that the environment does not name, all at once. */
export async function startBackends(options: BackendsOptions): Promise<Backends> {
  const { values, steps } = options;
  const [databaseUrl, clickhouseUrl, redis] = await Promise.all([
    values.databaseUrl ?? startServer(options, "PostgreSQL", "postgres", startPostgres),
    values.clickhouseUrl ?? startServer(options, "ClickHouse", "clickhouse", startClickHouse),
    namesQueueServer(values) ? null : startPrivateRedis(options),
  ]);
  if (values.databaseUrl !== null) steps.note("PostgreSQL", `yours, ${at(databaseUrl)}`);
  if (values.clickhouseUrl !== null) steps.note("ClickHouse", `yours, ${at(clickhouseUrl)}`);
  const databases = { DATABASE_URL: databaseUrl, CLICKHOUSE_URL: clickhouseUrl };
  if (redis === null) {
    steps.note("queues", `yours, ${queueServerLabel(queueServerFrom(values))}`);
    return { databases, queues: {} };
  }
  if ("url" in redis) return { databases, queues: { REDIS_URL: redis.url } };
  steps.note("queues", `in PostgreSQL: ${redis.trouble}`);
  return { databases, queues: { QUEUE_DATABASE_URL: databaseUrl } };
}

/** The queues do without Redis, and so they do with one that is broken: `trouble` says what is wrong with it. */
async function startPrivateRedis(
  options: BackendsOptions,
): Promise<{ readonly url: string } | { readonly trouble: string }> {
  const command = await findRedis();
  if (command === null) return { trouble: "no redis-server or valkey-server (6.2+) that works is on the PATH" };
  try {
    return { url: await startServer(options, command, "redis", (given) => startRedis(command, given)) };
  } catch (thrown) {
    return { trouble: errorText(thrown) };
  }
}

/** Starts a server and keeps it running. Its URL. */
async function startServer(
  { dir, steps, warn, started }: BackendsOptions,
  name: string,
  directory: string,
  start: (options: EmbeddedServerOptions) => Promise<EmbeddedServer>,
): Promise<string> {
  const options = { dataDir: dir.file(directory), logFile: `${dir.logs}/${directory}.log` };
  setAsideIfLarge(options.logFile);
  const first = await steps.step(
    name,
    () => start(options),
    ({ url }) => at(url),
  );
  // Where its clients look for it, it has to come back.
  const port = Number(new URL(first.url).port);
  const startAgain = () => start({ ...options, port });
  started(supervise({ name, first, startAgain, say: (text) => warn("start", text) }));
  return first.url;
}

const namesQueueServer = ({ redisUrl, redisHost, queueDatabaseUrl }: BackendsOptions["values"]): boolean =>
  [redisUrl, redisHost, queueDatabaseUrl].some((value) => value !== null);

const at = (url: string): string => new URL(url).host;
