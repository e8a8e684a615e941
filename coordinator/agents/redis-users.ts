import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { redisUser } from "../../shared/agent-secret.ts";
import { errorText } from "../../shared/errors.ts";
import type { Part } from "../../shared/lifecycle.ts";
import type { Logger } from "../../shared/logger.ts";
import type { QueueAccess, QueueServer } from "../../shared/queues.ts";
import { isRefused } from "../../shared/queues.ts";
import { backoffMs } from "../../shared/retry.ts";
import type { StoredCredential } from "../store/agent-credentials.ts";
import { agentRules, consumerRedisUser, consumerRules, type Dialect } from "./redis-acl.ts";

/** How often the users are compared, in ms: a Redis that lost its memory has lost them too. */
const COMPARE_EVERY_MS = 5_000;
/** How often their rules are written again, in ms, should somebody have changed them by hand. */
const REWRITE_EVERY_MS = 60_000;
const COMMAND_TIMEOUT_MS = 5_000;
const RETRY = { baseMs: 100, capMs: 2_000 };

/** What an agent's Redis user is made of. */
export interface AgentRedisCredential {
  readonly agentId: string;
  readonly region: string;
  /** SHA-256 of its passwords in hex: two while its secret is being rotated. */
  readonly passwordHashes: readonly string[];
}

/** Those that are valid now, with what each secret that is being rotated will be. */
export function redisCredentials(stored: readonly StoredCredential[]): AgentRedisCredential[] {
  return stored
    .filter(({ revokedAt }) => revokedAt === null)
    .map(({ agentId, region, redisPasswordHash, next }) => {
      const passwordHashes = [redisPasswordHash, ...(next ? [next.redisPasswordHash] : [])];
      return { agentId, region, passwordHashes };
    });
}

/** Keeps a user on Redis for every enrolled agent and for the results of every region, and no others of their kind. */
export interface RedisUsers extends Part {
  /** Agents' credentials have changed, or may have. Resolves when Redis has been told, or could not be. */
  refresh(): Promise<void>;
  /**
   * How to work on the results of a region: as a user that can do nothing else, once Redis has it;
   * with the coordinator's own rights where there are no such users.
   */
  consumerOf(region: string): Promise<Pick<QueueAccess, "server" | "leastPrivilege">>;
}

export function createRedisUsers({
  server,
  credentials,
  consumerKeys,
  logger,
}: {
  readonly server: QueueServer;
  /** Those that are valid now. */
  readonly credentials: () => Promise<readonly AgentRedisCredential[]>;
  /** What the consumers' passwords are made of, by a label; the first is current. The same in every coordinator. */
  readonly consumerKeys: (label: string) => readonly Buffer[];
  readonly logger: Logger;
}): RedisUsers {
  if (server.kind === "postgres") {
    return {
      start: async () => undefined,
      stop: async () => undefined,
      refresh: async () => undefined,
      consumerOf: async () => ({ server, leastPrivilege: false }),
    };
  }
  const { prefix, options } = server;
  const selects = (options.db ?? 0) > 0;
  const redis = new Redis({
    ...options,
    lazyConnect: true,
    enableOfflineQueue: false,
    connectTimeout: COMMAND_TIMEOUT_MS,
    commandTimeout: COMMAND_TIMEOUT_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempt) => backoffMs(attempt, RETRY),
  });
  const stopping = new AbortController();
  const consumers = new Set<string>();
  /** The rules that this connection has written, by user. */
  const written = new Map<string, string>();
  let dialect: Dialect = "selectors";
  let isForbidden = false;
  let trouble = "";
  let current = Promise.resolve();
  let next: Promise<void> | undefined;
  let timers: NodeJS.Timeout[] = [];

  /** Resolves when a comparison that began after this call has ended. */
  function refresh(): Promise<void> {
    next ??= current.then(() => {
      next = undefined;
      current = compare();
      return current;
    });
    return next;
  }

  async function compare(): Promise<void> {
    if (redis.status !== "ready" || stopping.signal.aborted) return;
    try {
      // First what is there, then what should be: whatever was enrolled in between is no stranger.
      const present = new Set((await redis.call("ACL", "USERS")) as string[]);
      const agents = await credentials();
      await write(present, agents);
      const known = new Set(agents.map(({ agentId }) => redisUser(prefix, agentId)));
      const strangers = [...present].filter((name) => isAgentUser(prefix, name) && !known.has(name));
      if (strangers.length > 0) {
        await redis.call("ACL", "DELUSER", ...strangers);
        for (const name of strangers) written.delete(name);
        logger.info({ users: strangers }, "Redis users that are of no agent any more were removed");
      }
      if (trouble !== "") logger.info("Redis has its users again");
      trouble = "";
      isForbidden = false;
    } catch (thrown) {
      note(thrown);
    }
  }

  async function write(present: ReadonlySet<string>, agents: readonly AgentRedisCredential[]): Promise<void> {
    try {
      await writeIn(dialect, present, agents);
    } catch (thrown) {
      if (dialect === "plain" || !isReply(thrown) || isRefused(thrown)) throw thrown;
      await writeIn("plain", present, agents);
      dialect = "plain";
      logger.info("This Redis has no ACL selectors: agents of a region can read and remove each other's results");
    }
  }

  async function writeIn(
    form: Dialect,
    present: ReadonlySet<string>,
    agents: readonly AgentRedisCredential[],
  ): Promise<void> {
    const wanted: Array<readonly [name: string, rules: readonly string[]]> = [
      ...agents.map((one) => [redisUser(prefix, one.agentId), agentRules({ prefix, selects, ...one }, form)] as const),
      ...[...consumers].map((region) => {
        const passwordHashes = passwordsOf(region).map(sha256);
        return [consumerRedisUser(prefix, region), consumerRules({ prefix, selects, region, passwordHashes })] as const;
      }),
    ];
    const stale = wanted.filter(([name, rules]) => !present.has(name) || written.get(name) !== rules.join(" "));
    await Promise.all(
      stale.map(async ([name, rules]) => {
        await redis.call("ACL", "SETUSER", name, ...rules);
        written.set(name, rules.join(" "));
      }),
    );
  }

  const passwordsOf = (region: string): string[] =>
    consumerKeys(`redis consumer ${prefix} ${region}`).map((key) => key.toString("base64url"));

  /** Says each trouble once, until it changes or ends. */
  function note(thrown: unknown): void {
    const reason = errorText(thrown);
    isForbidden = isReply(thrown) && (isRefused(thrown) || /unknown command/i.test(reason));
    if (reason === trouble) return;
    trouble = reason;
    if (isForbidden)
      logger.error(
        { reason },
        "The coordinator's Redis user may not manage users: enrolled agents cannot be let in, and results are read with more rights than needed. Grant it +acl|users +acl|setuser +acl|deluser",
      );
    else logger.warn({ reason }, "The users on Redis could not be brought up to date");
  }

  redis.on("error", (thrown) => logger.debug({ reason: errorText(thrown) }, "The connection that manages Redis users"));
  redis.on("ready", () => {
    // It may be another server, or the same without its memory.
    written.clear();
    dialect = "selectors";
    void refresh();
  });

  return {
    refresh,
    async consumerOf(region) {
      consumers.add(region);
      for (let attempt = 0; ; attempt++) {
        await refresh();
        if (isForbidden) return { server, leastPrivilege: false };
        const username = consumerRedisUser(prefix, region);
        const [password = ""] = passwordsOf(region);
        if (written.has(username))
          return { server: { ...server, options: { ...options, username, password } }, leastPrivilege: true };
        await sleep(backoffMs(attempt, RETRY), undefined, { signal: stopping.signal });
      }
    },
    async start() {
      await redis.connect().catch(note); // It goes on trying.
      await refresh();
      timers = [setInterval(refresh, COMPARE_EVERY_MS), setInterval(() => written.clear(), REWRITE_EVERY_MS)];
    },
    async stop() {
      stopping.abort();
      for (const timer of timers) clearInterval(timer);
      await current;
      redis.disconnect();
    },
  };
}

/** Whether a user is of an agent of the deployment with this prefix, and not of one whose prefix begins alike. */
const isAgentUser = (prefix: string, name: string): boolean =>
  name.startsWith(redisUser(prefix, "")) && /^agt_[0-9a-z]+$/.test(name.slice(redisUser(prefix, "").length));

/** Whether it is Redis that refuses; PostgreSQL may, too. */
const isReply = (thrown: unknown): boolean => (thrown as Error).name === "ReplyError";

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
