import { Redis } from "ioredis";

/** What a Redis has been asked to do since it started. */
export interface QueueOperations {
  /** Commands that clients sent, a script counting as one. */
  readonly sent: number;
  /** Commands that ran, those within scripts included and the calls of scripts left out. */
  readonly executed: number;
}

export interface QueueMeter {
  read(): Promise<QueueOperations>;
  stop(): Promise<void>;
}

export async function openQueueMeter(url: string): Promise<QueueMeter> {
  const redis = new Redis(url, {
    lazyConnect: true,
    retryStrategy: null,
    maxRetriesPerRequest: 0,
    commandTimeout: 10_000,
  });
  // What breaks fails the reading, or is an end that was asked for.
  redis.on("error", () => undefined);
  await redis.connect();
  return {
    read: async () => countCalls(await redis.info("commandstats")),
    stop: async () => redis.disconnect(),
  };
}

/** What BullMQ's clients send as it is; everything else they do is done by scripts. */
const direct = /^(evalsha|eval|bzpopmin|info|auth|hello|ping|client|command|config|select|quit)(\||$)/;
const script = /^(evalsha|eval)$/;

/** Reads `INFO commandstats`: `cmdstat_hget:calls=12,usec=…` */
function countCalls(commandStats: string): QueueOperations {
  let sent = 0;
  let executed = 0;
  for (const [, command = "", calls] of commandStats.matchAll(/^cmdstat_(\S+?):calls=(\d+)/gm)) {
    if (direct.test(command)) sent += Number(calls);
    if (!script.test(command)) executed += Number(calls);
  }
  return { sent, executed };
}
