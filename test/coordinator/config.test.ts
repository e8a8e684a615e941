import { expect, test } from "vitest";
import { readConfig } from "../../coordinator/config.ts";
import { ConfigError } from "../../shared/errors.ts";

const good = {
  DATABASE_URL: "postgres://u:p@db/watchpost",
  CLICKHOUSE_URL: "http://ch:8123/watchpost",
  REDIS_HOST: "queue.example",
  REDIS_PASSWORD: "s3cret",
  WATCHPOST_ADMIN_TOKEN: "wpa_0123456789abcdef",
  WATCHPOST_AGENT_TOKEN: "wpg_0123456789abcdef",
};

test("the settings of the seed name the queue server", () => {
  expect(readConfig({ ...good, REDIS_PORT: "6380" })).toMatchObject({
    port: 8080,
    host: "127.0.0.1",
    queueServer: {
      kind: "redis",
      options: { host: "queue.example", port: 6380, password: "s3cret" },
      prefix: "watchpost",
    },
  });
});

test.each([
  ["redis://queue", { host: "queue", port: 6379 }],
  ["redis://:p%40ss@queue:7000/2", { host: "queue", port: 7000, password: "p@ss", db: 2 }],
  ["rediss://agent:x@[::1]:7000", { host: "::1", port: 7000, username: "agent", password: "x", tls: {} }],
])("REDIS_URL %s takes precedence over REDIS_HOST", (REDIS_URL, options) => {
  expect(readConfig({ ...good, REDIS_URL }).queueServer).toMatchObject({ kind: "redis", options });
});

test("without Redis the queues can live in PostgreSQL", () => {
  const { REDIS_HOST: _, ...rest } = good;
  expect(readConfig({ ...rest, QUEUE_DATABASE_URL: "postgres://q/db" }).queueServer).toEqual({
    kind: "postgres",
    connectionString: "postgres://q/db",
    prefix: "watchpost",
  });
});

test("commands for channels are absolute paths", () => {
  expect(readConfig(good).notifyCommands).toEqual([]);
  const WATCHPOST_NOTIFY_COMMANDS = "/usr/local/bin/tell, /opt/page me";
  expect(readConfig({ ...good, WATCHPOST_NOTIFY_COMMANDS }).notifyCommands).toEqual([
    "/usr/local/bin/tell",
    "/opt/page me",
  ]);
});

test.each([
  ["everything missing", {}, /DATABASE_URL, CLICKHOUSE_URL, WATCHPOST_ADMIN_TOKEN must be set/],
  ["no queue server", { ...good, REDIS_HOST: "" }, /no queue server: set REDIS_URL/],
  ["a port that is none", { ...good, PORT: "http" }, /PORT must be a whole number from 0 to 65535, not "http"/],
  ["a short token", { ...good, WATCHPOST_ADMIN_TOKEN: "short" }, /WATCHPOST_ADMIN_TOKEN must be 20 to 256/],
  [
    "a database of another kind",
    { ...good, DATABASE_URL: "mysql://u:pass@h/d" },
    /DATABASE_URL must be a URL such as postgres/,
  ],
  [
    "a command that could be any",
    { ...good, WATCHPOST_NOTIFY_COMMANDS: "/bin/tell,tell" },
    /WATCHPOST_NOTIFY_COMMANDS must be absolute paths/,
  ],
  ["two things wrong", { ...good, PORT: "-1", LOG_LEVEL: "loud" }, /PORT .*; LOG_LEVEL must be one of/],
])("%s is one clear line", (_, env, line) => {
  expect(() => readConfig(env)).toThrow(ConfigError);
  expect(() => readConfig(env)).toThrow(line);
});

test("no error shows a secret", () => {
  const env = {
    ...good,
    DATABASE_URL: "mysql://u:hunter2@h/d",
    REDIS_URL: "http://:hunter2@q",
    WATCHPOST_ADMIN_TOKEN: "hunter2",
  };
  expect(() => readConfig(env)).toThrow(ConfigError);
  expect(() => readConfig(env)).not.toThrow(/hunter2/);
});
