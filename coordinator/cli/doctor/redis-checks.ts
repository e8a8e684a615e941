import { type Finding, ok, trouble } from "./finding.ts";

/** What `INFO` says, field by field. */
export type RedisInfo = Readonly<Record<string, string>>;

/** The oldest Redis whose commands BullMQ needs. */
const OLDEST = [6, 2] as const;
/** Fuller than this, it will soon take no more jobs. */
const FULL = 0.9;

type RedisCheck = (check: string, info: RedisInfo) => Finding;

/** What is looked at on a Redis, Valkey or Dragonfly that lets us in. */
export const redisChecks: ReadonlyArray<readonly [check: string, judge: RedisCheck]> = [
  ["Redis version", checkVersion],
  ["Redis eviction", checkEviction],
  ["Redis memory", checkMemory],
];

export function parseInfo(text: string): RedisInfo {
  return Object.fromEntries(
    text
      .split(/\r?\n/)
      .map((line) => line.split(/:(.*)/s))
      .flatMap(([key, value]) => (key !== undefined && value !== undefined ? [[key, value] as const] : [])),
  );
}

function checkVersion(check: string, info: RedisInfo): Finding {
  const { redis_version: version = "", dragonfly_version: dragonfly, valkey_version: valkey } = info;
  if (dragonfly) return ok(check, `Dragonfly ${dragonfly.replace(/^df-v/, "")}`);
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) {
    return ok(check, valkey ? `Valkey ${valkey}` : `Redis ${version}`);
  }
  return trouble(
    check,
    `Redis ${version || "of unknown version"} is too old`,
    `upgrade it to ${OLDEST.join(".")} or newer`,
  );
}

function checkEviction(check: string, { maxmemory_policy: policy }: RedisInfo): Finding {
  if (policy === undefined || policy === "noeviction") return ok(check, "maxmemory-policy is noeviction");
  return trouble(
    check,
    `maxmemory-policy is ${policy}: when memory is short, jobs are thrown away without a word`,
    "`redis-cli CONFIG SET maxmemory-policy noeviction`, and the same in redis.conf",
  );
}

function checkMemory(check: string, { used_memory = "0", maxmemory = "0" }: RedisInfo): Finding {
  const used = Number(used_memory);
  const most = Number(maxmemory);
  const mb = (bytes: number) => `${Math.ceil(bytes / 1_048_576)} MB`;
  if (most === 0) return ok(check, `${mb(used)} used, no limit set`);
  if (used <= FULL * most) return ok(check, `${mb(used)} of ${mb(most)} used`);
  return trouble(
    check,
    `${mb(used)} of ${mb(most)} used: when it is full, nothing is queued or worked on`,
    "raise maxmemory, and see why jobs pile up: are agents of every region online?",
  );
}
