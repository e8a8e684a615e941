import { checksQueueName, resultsQueueName } from "../../shared/queues.ts";

/**
 * How narrow the rules can be: Redis 7 and Valkey have selectors, which grant commands for
 * some keys only; Redis 6.2 knows one list of commands for all keys of a user.
 * See https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/.
 */
export type Dialect = "selectors" | "plain";

/** What a connection needs whatever it is for. */
const CONNECTION = ["auth", "ping", "quit", "client|setname"];

/**
 * What a BullMQ worker calls on its queue, by itself and in its scripts; the same for agents on
 * their checks and for the coordinator on results. No right but these would stop it for good,
 * so a new version of BullMQ is tried against test/coordinator/agents/redis-acl.test.ts first.
 */
const WORKER = [
  ...["evalsha", "eval", "bzpopmin", "exists", "get", "set", "incr", "pexpire", "pttl", "del"],
  ...["hdel", "hexists", "hget", "hgetall", "hincrby", "hmget", "hmset", "hset"],
  ...["llen", "lpush", "lrange", "lrem", "ltrim", "rpoplpush", "rpush"],
  ...["sadd", "scard", "smembers", "srem", "xadd", "xtrim"],
  ...["zadd", "zcard", "zpopmin", "zrange", "zrangebyscore", "zrem"],
  ...["zremrangebyrank", "zremrangebyscore", "zrevrange", "zrevrangebyscore", "zscore"],
];

/** What BullMQ's script that adds a job is told of, whether it touches it or not. */
const NAMED_BY_AN_ADD = ["wait", "paused", "meta", "id", "completed", "delayed", "active", "events", "marker"];

/** Who works on the queues of one region. */
interface RegionUser {
  readonly prefix: string;
  readonly region: string;
  /** SHA-256 in hex. */
  readonly passwordHashes: readonly string[];
  /** The queues are in another database than the first. */
  readonly selects?: boolean;
}

/**
 * The words of `ACL SETUSER` for an agent: it takes jobs from its region's checks and adds to its
 * region's results. With selectors it can only append there, under job ids that begin with its own
 * id, so that agents of one region neither read nor replace each other's results.
 */
export function agentRules(
  { prefix, region, agentId, ...login }: RegionUser & { readonly agentId: string },
  dialect: Dialect,
): string[] {
  const results = `${prefix}:${resultsQueueName(region)}:`;
  const rules = [...userWith(login), ...allow(WORKER), `~${prefix}:${checksQueueName(region)}:*`];
  if (dialect === "plain") return [...rules, `~${results}*`];
  // An agent of several processes has one id and adds a number for each.
  const own = [`~${results}${agentId}.*`, `~${results}${agentId}-*`];
  const named = NAMED_BY_AN_ADD.map((key) => `~${results}${key}`);
  return [
    ...rules,
    selector(["evalsha", "eval"], [...named, ...own]),
    selector(["exists", "hget", "hgetall", "hmset", "hset"], own),
    selector(["hget", "hmget", "hset"], [`~${results}meta`]),
    selector(["incr"], [`~${results}id`]),
    selector(["lpush"], [`%W~${results}wait`]),
    selector(["xadd"], [`%W~${results}events`]),
    selector(["zadd"], [`~${results}marker`]),
    selector(["llen"], [`%R~${results}active`]),
  ];
}

/** The Redis user of the coordinator's worker on a region's results. */
export const consumerRedisUser = (prefix: string, region: string): string => `${prefix}-results-${region}`;

/**
 * The words of `ACL SETUSER` for the coordinator's worker on a region's results. Agents write that
 * queue, and BullMQ's scripts follow the keys that a job names, such as its parent's: with the
 * rights of the coordinator a forged job would reach into other queues.
 */
export function consumerRules({ prefix, region, ...login }: RegionUser): string[] {
  return [...userWith(login), ...allow(WORKER), `~${prefix}:${resultsQueueName(region)}:*`];
}

/** Everything of before is taken away first; SETUSER applies all words or none. */
function userWith({ passwordHashes, selects = false }: Pick<RegionUser, "passwordHashes" | "selects">): string[] {
  const hashes = passwordHashes.map((hash) => `#${hash}`);
  return ["reset", "on", ...hashes, "resetchannels", "-@all", ...allow(CONNECTION), ...(selects ? ["+select"] : [])];
}

const allow = (commands: readonly string[]): string[] => commands.map((command) => `+${command}`);

const selector = (commands: readonly string[], keys: readonly string[]): string =>
  `(-@all ${[...allow(commands), ...keys].join(" ")})`;
