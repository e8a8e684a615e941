import { setTimeout as sleep } from "node:timers/promises";
import type { Job, JobJson, JobsOptions, Processor, QueueOptions, WorkerOptions } from "bullmq";
import { createPostgresBackend, Queue, Worker } from "bullmq";
import type { RedisOptions } from "ioredis";
import type { CheckBatch } from "./check.ts";
import type { ValuesOf } from "./env.ts";
import { text, url, wholeNumber } from "./env.ts";
import { ConfigError, errorText } from "./errors.ts";
import type { Logger } from "./logger.ts";
import type { ResultBatch } from "./result.ts";
import { backoffMs } from "./retry.ts";

/**
 * The name of the queue from which a region's agents pull. The braces are a hash
 * tag: Redis Cluster and Dragonfly keep all keys of one queue in one place and
 * spread the queues.
 */
export const checksQueueName = (region: string): string => `{checks-${region}}`;
/** The name of the queue through which a region's results come back. */
export const resultsQueueName = (region: string): string => `{results-${region}}`;

export type ChecksQueue = Queue<CheckBatch, void, string>;
export type ResultsQueue = Queue<ResultBatch, void, string>;

/** No batch holds more checks. */
export const MAX_BATCH = 50;
/** No batch holds more results when it is built: a job costs about the same whatever it holds. */
export const MAX_RESULTS = 250;

/** Finished jobs protect their ids from being added again and serve debugging; failed ones only the latter. */
export const jobOptions = {
  attempts: 3,
  backoff: { type: "exponential", delay: 500, jitter: 0.5 },
  removeOnComplete: { age: 120, count: 2_000 },
  removeOnFail: { age: 86_400, count: 1_000 },
} as const satisfies JobsOptions;

/** Where the queues live. */
export type QueueServer =
  | {
      readonly kind: "redis";
      readonly options: RedisOptions;
      /** In place of the one in `options`, asked for at every connection: it may change. */
      readonly password?: () => string;
      readonly prefix: string;
    }
  | { readonly kind: "postgres"; readonly connectionString: string; readonly prefix: string };

/** The settings of the queue server, the same for coordinator and agent. */
export const queueSettings = {
  redisUrl: url({
    variable: "REDIS_URL",
    schemes: ["redis", "rediss"],
    fallback: null,
    about: "The queue server; takes precedence over REDIS_HOST.",
  }),
  redisHost: text({
    variable: "REDIS_HOST",
    fallback: null,
    about: "The queue server's host: Redis 6.2+, Valkey or Dragonfly.",
  }),
  redisPort: wholeNumber({
    variable: "REDIS_PORT",
    min: 1,
    max: 65_535,
    fallback: 6379,
    about: "The queue server's port.",
  }),
  redisUsername: text({ variable: "REDIS_USERNAME", fallback: null, about: "The queue server's ACL user." }),
  redisPassword: text({
    variable: "REDIS_PASSWORD",
    fallback: null,
    about: "The queue server's password; required for production.",
  }),
  queueDatabaseUrl: url({
    variable: "QUEUE_DATABASE_URL",
    schemes: ["postgres", "postgresql"],
    fallback: null,
    about: "Keeps the queues in this PostgreSQL database where there is no Redis.",
  }),
  queuePrefix: text({
    variable: "QUEUE_PREFIX",
    pattern: /^[A-Za-z0-9_-]{1,32}$/,
    rule: "must be 1 to 32 letters, digits, _ or -",
    fallback: "watchpost",
    about: "What all queue keys begin with, so that one server can hold several deployments.",
  }),
};

/**
 * The queue server that the settings name.
 * @throws ConfigError when they name none.
 */
export function queueServerFrom(values: ValuesOf<typeof queueSettings>): QueueServer {
  const prefix = values.queuePrefix;
  if (values.redisUrl !== null) return { kind: "redis", options: redisOptionsOf(values.redisUrl), prefix };
  if (values.redisHost !== null) {
    const { redisHost: host, redisPort: port, redisUsername, redisPassword } = values;
    const options: RedisOptions = { host, port };
    if (redisUsername !== null) options.username = redisUsername;
    if (redisPassword !== null) options.password = redisPassword;
    return { kind: "redis", options, prefix };
  }
  if (values.queueDatabaseUrl !== null) return { kind: "postgres", connectionString: values.queueDatabaseUrl, prefix };
  throw new ConfigError(
    "no queue server: set REDIS_URL, or REDIS_HOST (and REDIS_PORT, REDIS_PASSWORD), or QUEUE_DATABASE_URL",
  );
}

/** What an address of Redis says, as its client wants it. */
export function redisOptionsOf(address: string): RedisOptions {
  const { protocol, hostname, port, username, password, pathname } = new URL(address);
  const options: RedisOptions = { host: hostname.replace(/^\[|\]$/g, ""), port: port === "" ? 6379 : Number(port) };
  if (username !== "") options.username = decodeURIComponent(username);
  if (password !== "") options.password = decodeURIComponent(password);
  if (pathname.length > 1) options.db = Number(pathname.slice(1));
  if (protocol === "rediss:") options.tls = { servername: hostname };
  return options;
}

/** The address of the queue server for people: never with credentials. */
export function queueServerLabel(server: QueueServer): string {
  if (server.kind === "redis" && server.options.Connector) return "Redis behind the coordinator";
  if (server.kind === "redis") return `redis://${server.options.host}:${server.options.port}`;
  const { host, pathname } = new URL(server.connectionString);
  return `postgres://${host}${pathname}`;
}

/** How long a command to the queue server may take, in ms. A frozen server answers nothing and closes nothing. */
const COMMAND_TIMEOUT_MS = 5_000;
const POSTGRES_SCHEMA = "watchpost_queue";
/** Each queue and each worker has a pool of its own; three connections suffice and many fit one server. */
const POSTGRES_POOL = 3;

export interface QueueAccess {
  readonly server: QueueServer;
  readonly logger: Logger;
  /**
   * Agents work with least privilege: on Redis without INFO and without writing
   * queue metadata, on PostgreSQL without changing the schema.
   */
  readonly leastPrivilege: boolean;
}

/** A queue to add to. Adds fail within COMMAND_TIMEOUT_MS when the server does not answer. */
export function openQueue<Data>(name: string, access: QueueAccess): Queue<Data, void, string> {
  const { server, leastPrivilege } = access;
  const options = { prefix: server.prefix, skipVersionCheck: leastPrivilege, skipMetasUpdate: leastPrivilege };
  const queue =
    server.kind === "redis"
      ? new Queue(name, {
          ...options,
          connection: {
            ...server.options,
            ...steadyReconnect(server.password),
            ...failFast,
            ...unprivileged(leastPrivilege),
          },
        } satisfies QueueOptions)
      : new Queue(
          name,
          { ...options, connection: postgresConnection(server.connectionString, leastPrivilege) },
          createPostgresBackend,
        );
  queue.on("error", troubleLog(name, access.logger));
  return queue as unknown as Queue<Data, void, string>;
}

/** A worker on a queue. Not running until `run()` is called. */
export function openWorker<Data>(
  name: string,
  processor: Processor<Data, void, string>,
  access: QueueAccess & {
    readonly concurrency: number;
    readonly lockDurationMs: number;
    readonly stalledIntervalMs: number;
    /** How often a job may lose its worker before it fails; 1 unless told otherwise. */
    readonly maxStalledCount?: number;
    /** Told of each completed fetch, also of one that found nothing. */
    readonly onFetch?: () => void;
    /** Told how much job data has come into the worker's hands, in characters; of as much less when it is done with a job. */
    readonly onHeld?: (change: number) => void;
  },
): Worker<Data, void, string> {
  const { server, leastPrivilege } = access;
  const options = {
    prefix: server.prefix,
    autorun: false,
    concurrency: access.concurrency,
    lockDuration: access.lockDurationMs,
    stalledInterval: access.stalledIntervalMs,
    maxStalledCount: access.maxStalledCount ?? 1,
    skipVersionCheck: leastPrivilege,
    skipMetasUpdate: leastPrivilege,
  };
  const worker =
    server.kind === "redis"
      ? new PacedWorker(name, processor as Processor, {
          ...options,
          connection: {
            ...server.options,
            ...steadyReconnect(server.password),
            maxRetriesPerRequest: null,
            ...unprivileged(leastPrivilege),
          },
        } satisfies WorkerOptions)
      : new PacedWorker(
          name,
          processor as Processor,
          { ...options, connection: postgresConnection(server.connectionString, leastPrivilege) },
          createPostgresBackend as never, // PacedWorker is typed for Redis.
        );
  worker.onFetch = access.onFetch;
  worker.onHeld = access.onHeld;
  worker.on("error", troubleLog(name, access.logger));
  return worker as unknown as Worker<Data, void, string>;
}

/**
 * BullMQ fetches job after job, a round trip each, until there are no more, and only then starts
 * the first: where jobs come faster than round trips go, as on another continent, it would not start
 * until it has `concurrency` of them. This one starts each job before it fetches the next.
 *
 * BullMQ also fetches again at once after an error that is not the connection's, such
 * as a database without its schema or a Redis out of memory: thousands of times a
 * second. This one waits between failures, and tells of each success and of what it
 * holds, for which BullMQ has no events.
 */
class PacedWorker extends Worker {
  onFetch: (() => void) | undefined;
  onHeld: ((change: number) => void) | undefined;
  #failures = 0;
  /** Fetched by themselves, and not started yet. */
  readonly #unstarted = new Set<object>();
  readonly #lengths = new WeakMap<object, number>();

  protected override createJob({ repeatJobKey: _, ...data }: JobJson, jobId: string) {
    // None of our jobs repeats; one that says so was forged, to be worked on again and again.
    const job = super.createJob(data, jobId);
    if (this.onHeld) {
      // Redis hands data over as text, PostgreSQL as it is.
      const { length } = typeof data.data === "string" ? data.data : JSON.stringify(data.data);
      this.#lengths.set(job, length);
      this.onHeld(length);
    }
    return job;
  }

  override async processJob(job: Job, token: string, fetchNext?: () => boolean) {
    this.#unstarted.delete(job);
    try {
      return await super.processJob(job, token, fetchNext);
    } finally {
      this.onHeld?.(-(this.#lengths.get(job) ?? 0));
    }
  }

  protected override async moveToActive(token: string, name?: string) {
    // As if there were no more: BullMQ then starts what it has, and asks again.
    if (this.#unstarted.size > 0) return undefined as never; // As BullMQ itself has it, whatever its type says.
    try {
      const job = await super.moveToActive(token, name);
      if (job) this.#unstarted.add(job);
      this.#failures = 0;
      this.onFetch?.();
      return job;
    } catch (thrown) {
      await sleep(backoffMs(this.#failures++, FETCH_BACKOFF));
      throw thrown;
    }
  }
}

const FETCH_BACKOFF = { baseMs: 100, capMs: 2_000 };
/** The same trouble is logged no more often, in ms. */
const TROUBLE_LOG_MS = 10_000;

function troubleLog(queue: string, logger: Logger): (thrown: unknown) => void {
  let last = { reason: "", at: 0 };
  return (thrown) => {
    const reason = errorText(thrown);
    const at = performance.now();
    if (reason === last.reason && at - last.at < TROUBLE_LOG_MS) return;
    last = { reason, at };
    logger.warn({ queue, reason }, "Queue server trouble");
  };
}

function steadyReconnect(password: (() => string) | undefined) {
  return {
    connectTimeout: 5_000,
    ...(password && { password: password() }),
    // Called by ioredis as a method of the connection's own options, before each connection but the first.
    retryStrategy(this: RedisOptions | undefined, times: number) {
      if (this && password) this.password = password();
      return Math.min(2_000, 50 * 2 ** Math.min(times, 6)) * (0.5 + Math.random() / 2);
    },
  };
}

/**
 * For queues, whose callers try again themselves. A server that answers nothing is given
 * up, and what was sent to it fails with the connection: it would pile up in memory else,
 * since a command that timed out still waits for its answer, or for a connection.
 */
const failFast = {
  commandTimeout: COMMAND_TIMEOUT_MS,
  socketTimeout: COMMAND_TIMEOUT_MS,
  maxRetriesPerRequest: 0,
} satisfies RedisOptions;

/** Without what an agent's Redis user is refused: INFO and CLIENT SETINFO. */
const unprivileged = (leastPrivilege: boolean) =>
  ({ enableReadyCheck: !leastPrivilege, disableClientInfo: leastPrivilege }) satisfies RedisOptions;

function postgresConnection(connectionString: string, leastPrivilege: boolean) {
  return {
    connectionString,
    schema: POSTGRES_SCHEMA,
    max: POSTGRES_POOL,
    connectionTimeoutMillis: COMMAND_TIMEOUT_MS,
    migrate: !leastPrivilege,
  };
}

/** Whether the queue server refused the credentials or the right itself: no repetition will mend it. */
export function isRefused(thrown: unknown): boolean {
  return refusals.test(errorText(thrown));
}

/** Redis, also from within a script (7.0 has no code for that); PostgreSQL. */
const refusals =
  /\b(NOPERM|NOAUTH|WRONGPASS)\b|user executing the script can't|password authentication failed|permission denied/;
