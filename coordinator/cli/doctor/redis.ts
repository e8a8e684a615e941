import { Redis, type RedisOptions } from "ioredis";
import { errorText } from "../../../shared/errors.ts";
import { withDeadline } from "../../../shared/lifecycle.ts";
import { advice, type Finding, ok, skipped, trouble } from "./finding.ts";
import { explainUnreachable } from "./network-remedy.ts";
import { parseInfo, type RedisInfo, redisChecks } from "./redis-checks.ts";

const DEADLINE_MS = 5_000;
const VARIABLES = "REDIS_URL, or REDIS_HOST and REDIS_PORT";
const PASSWORD = "Redis password";
const USERS = "Redis users";

/** A Redis, Valkey or Dragonfly: reached, password right, and set up so that no job is lost. */
export async function checkRedisAt(label: string, options: RedisOptions): Promise<Finding[]> {
  const { username, password, db: _, ...address } = options;
  // It connects without the password, so that a wrong address and a wrong password look different.
  const redis = new Redis({
    ...address,
    lazyConnect: true,
    enableReadyCheck: false,
    connectTimeout: DEADLINE_MS,
    commandTimeout: DEADLINE_MS,
    retryStrategy: () => null,
  });
  let broken: unknown;
  redis.on("error", (error) => {
    broken = error;
  });
  try {
    await withDeadline(redis.connect(), DEADLINE_MS, "no answer");
    const entry = await enter(redis, username, password);
    const reached = ok("Queue server", `reached at ${label}`);
    if (!entry.entered) return [reached, entry.finding, ...skipRest("it does not let us in")];
    const info = await readInfo(redis);
    if (typeof info === "string") return [reached, entry.finding, ...skipRest(info)];
    const judged = redisChecks.map(([check, judge]) => judge(check, info));
    return [reached, entry.finding, ...judged, await checkUsers(redis)];
  } catch (thrown) {
    const unreachable = explainUnreachable(broken ?? thrown, "Redis (or Valkey, or Dragonfly)", VARIABLES);
    const { detail, remedy } = unreachable ?? { detail: errorText(broken ?? thrown), remedy: `check ${VARIABLES}` };
    const reason = "the queue server does not answer";
    return [trouble("Queue server", `${label}: ${detail}`, remedy), skipped(PASSWORD, reason), ...skipRest(reason)];
  } finally {
    redis.disconnect();
  }
}

const skipRest = (reason: string) =>
  [...redisChecks.map(([check]) => check), USERS].map((check) => skipped(check, reason));

/** Whether the coordinator may manage users, as enrolled agents need it: asked by deleting one that there cannot be. */
async function checkUsers(redis: Redis): Promise<Finding> {
  const refused = await reply(redis.call("ACL", "DELUSER", "watchpost-doctor:nobody"));
  if (refused === null) return ok(USERS, "can be managed: each enrolled agent has its own");
  return advice(
    USERS,
    `cannot be managed (${refused}): enrolled agents are not let in, and results are read with more rights than needed`,
    "grant the coordinator's user +acl|users +acl|setuser +acl|deluser, or use a Redis where it may have them",
  );
}

/** Presents the password, or sees whether it goes without. */
async function enter(
  redis: Redis,
  username: string | undefined,
  password: string | undefined,
): Promise<{ readonly entered: boolean; readonly finding: Finding }> {
  const refused = await reply(password === undefined ? redis.ping() : redis.call("AUTH", ...login(username, password)));
  if (refused === null) {
    return { entered: true, finding: ok(PASSWORD, password === undefined ? "none is asked for" : "accepted") };
  }
  if (/^NOAUTH/.test(refused)) {
    return {
      entered: false,
      finding: trouble(PASSWORD, "it asks for one", "set REDIS_PASSWORD, or put it in REDIS_URL"),
    };
  }
  if (/^WRONGPASS/.test(refused)) {
    const remedy = "compare REDIS_PASSWORD (and REDIS_USERNAME) with `requirepass` or the ACL user of the server";
    return { entered: false, finding: trouble(PASSWORD, "it is wrong", remedy) };
  }
  if (/without any password configured|no password is set/.test(refused)) {
    const remedy = "set `requirepass` in redis.conf: as it is, anyone who reaches the port is let in";
    return { entered: true, finding: trouble(PASSWORD, "one is set here, and the server asks for none", remedy) };
  }
  return { entered: false, finding: trouble(PASSWORD, `the server refused: ${refused}`, "see the server's log") };
}

const login = (username: string | undefined, password: string): string[] =>
  username === undefined ? [password] : [username, password];

/** What INFO says, or why it says nothing: an ACL user may not be allowed to ask. */
async function readInfo(redis: Redis): Promise<RedisInfo | string> {
  try {
    return parseInfo(await redis.info());
  } catch (thrown) {
    if (isReply(thrown)) return `it does not tell: ${thrown.message}`;
    throw thrown;
  }
}

/** The text with which the server refused, or null when it did not; network failures are thrown. */
async function reply(command: Promise<unknown>): Promise<string | null> {
  try {
    await command;
    return null;
  } catch (thrown) {
    if (isReply(thrown)) return thrown.message;
    throw thrown;
  }
}

const isReply = (thrown: unknown): thrown is Error => (thrown as Error).name === "ReplyError";
