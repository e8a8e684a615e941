import { expect, it } from "vitest";
import { parseInfo, redisChecks } from "../../../../coordinator/cli/doctor/redis-checks.ts";

const judge = (name: string, info: string) => {
  const [check, judgeIt] = redisChecks.find(([check]) => check === name) ?? [];
  if (!check || !judgeIt) throw new Error(name);
  return judgeIt(check, parseInfo(info));
};

it.each([
  ["redis_version:6.0.16", "trouble", "Redis 6.0.16 is too old"],
  ["redis_version:5.0.14", "trouble", "Redis 5.0.14 is too old"],
  ["redis_version:6.2.0", "ok", "Redis 6.2.0"],
  ["redis_version:7.0.15", "ok", "Redis 7.0.15"],
  ["redis_version:10.0.0", "ok", "Redis 10.0.0"],
  ["# Server\r\nredis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.0\r\n", "ok", "Valkey 8.1.0"],
  ["redis_version:7.4.0\r\ndragonfly_version:df-v1.27.1\r\n", "ok", "Dragonfly 1.27.1"],
  ["", "trouble", "Redis of unknown version is too old"],
])("judges the version in %j as %s", (info, state, detail) => {
  expect(judge("Redis version", info)).toMatchObject({ state, detail });
});

it("takes a server without a policy for one that evicts nothing", () => {
  expect(judge("Redis eviction", "redis_version:7.4.0").state).toBe("ok");
  expect(judge("Redis eviction", "maxmemory_policy:volatile-ttl").state).toBe("trouble");
});

it("judges memory by its limit", () => {
  expect(judge("Redis memory", "used_memory:1000\r\nmaxmemory:0").state).toBe("ok");
  expect(judge("Redis memory", "used_memory:900\r\nmaxmemory:1000").state).toBe("ok");
  expect(judge("Redis memory", "used_memory:901\r\nmaxmemory:1000").state).toBe("trouble");
});

it("keeps colons in values", () => {
  expect(parseInfo("executable:C:/redis\r\nempty:\r\n# Comment\r\n")).toEqual({ executable: "C:/redis", empty: "" });
});
