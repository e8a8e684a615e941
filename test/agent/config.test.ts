import { describe, expect, test } from "vitest";
import { readConfig } from "../../agent/config.ts";
import { ConfigError } from "../../shared/errors.ts";

const env = {
  WATCHPOST_REGION: "eu-west",
  WATCHPOST_COORDINATOR_URL: "https://watchpost.example",
  WATCHPOST_AGENT_TOKEN: "wpg_0123456789abcdefghij",
  REDIS_HOST: "redis.example",
  REDIS_PASSWORD: "s3cret",
};

describe("an agent's settings", () => {
  test("have defaults for all that need not be set", () => {
    const config = readConfig(env);
    expect(config).toMatchObject({
      region: "eu-west",
      concurrency: 500,
      allowPrivateAddresses: false,
      spoolDir: ".watchpost-agent/spool-eu-west",
      spoolMaxMb: 100,
      spoolMaxAgeHours: 24,
      healthPort: 8081,
      startupTimeoutS: 60,
      queueServer: { kind: "redis", options: { host: "redis.example", port: 6379, password: "s3cret" } },
    });
    expect(config.agentId).toMatch(/^agt_[a-z0-9]{20}$/);
    expect(readConfig(env).agentId).not.toBe(config.agentId);
  });

  test("keep the spool where systemd keeps a unit's state", () => {
    expect(readConfig({ ...env, STATE_DIRECTORY: "/var/lib/a:/var/lib/b" }).spoolDir).toBe("/var/lib/a/spool-eu-west");
  });

  test.each([
    [{ WATCHPOST_REGION: "" }, "WATCHPOST_REGION must be set"],
    [{ WATCHPOST_REGION: "EU West" }, "WATCHPOST_REGION must be lower-case letters"],
    [{ WATCHPOST_REGION: "a".repeat(33) }, "WATCHPOST_REGION must be lower-case letters"],
    [{ WATCHPOST_COORDINATOR_URL: "" }, "WATCHPOST_COORDINATOR_URL must be set"],
    [{ WATCHPOST_COORDINATOR_URL: "watchpost.example" }, "WATCHPOST_COORDINATOR_URL must be a URL"],
    [{ WATCHPOST_AGENT_TOKEN: "" }, "WATCHPOST_AGENT_TOKEN must be set"],
    [{ WATCHPOST_AGENT_TOKEN: "short" }, "WATCHPOST_AGENT_TOKEN must be 20 to 256"],
    [{ WATCHPOST_AGENT_ID: "a:b" }, "WATCHPOST_AGENT_ID must be 1 to 64"],
    [{ WATCHPOST_AGENT_PROCESSES: "65" }, "WATCHPOST_AGENT_PROCESSES must be a whole number from 1 to 64"],
    [
      { WATCHPOST_AGENT_PROCESSES: "2", WATCHPOST_AGENT_ID: "a".repeat(62) },
      "WATCHPOST_AGENT_ID may have 61 characters",
    ],
    [{ WATCHPOST_AGENT_CONCURRENCY: "0" }, "WATCHPOST_AGENT_CONCURRENCY must be a whole number from 1 to 10000"],
    [{ WATCHPOST_ALLOW_PRIVATE_ADDRESSES: "maybe" }, "WATCHPOST_ALLOW_PRIVATE_ADDRESSES must be true or false"],
    [{ WATCHPOST_HEALTH_PORT: "99999" }, "WATCHPOST_HEALTH_PORT must be a whole number from 0 to 65535"],
    [{ REDIS_HOST: "" }, "no queue server: set REDIS_URL"],
  ])("with %o say what is wrong", (change, message) => {
    expect(() => readConfig({ ...env, ...change })).toThrow(ConfigError);
    expect(() => readConfig({ ...env, ...change })).toThrow(message);
  });
});
