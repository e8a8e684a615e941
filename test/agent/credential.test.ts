import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readConfig } from "../../agent/config.ts";
import { type LiveCredential, openCredential } from "../../agent/credential.ts";
import { redisPassword } from "../../shared/agent-secret.ts";
import type { AgentCredential } from "../../shared/credential.ts";
import { ConfigError } from "../../shared/errors.ts";
import { newId, newSecret } from "../../shared/id.ts";
import { tempDir } from "../support/temp-dir.ts";

let dir: Awaited<ReturnType<typeof tempDir>>;
let given: AgentCredential;
let env: NodeJS.ProcessEnv;
beforeEach(async () => {
  dir = await tempDir();
  given = {
    v: 1,
    agentId: newId("agt"),
    secret: newSecret("wps"),
    generation: 1,
    region: "eu-west",
    coordinatorUrl: "https://watch.example",
    queue: { kind: "redis", url: "rediss://queue.example:6380" },
    queuePrefix: "wp",
  };
  env = { WATCHPOST_CREDENTIAL_FILE: join(dir.path, "given"), STATE_DIRECTORY: join(dir.path, "state") };
  await give(given);
});
afterEach(() => dir.remove());

const give = (credential: unknown) => writeFile(join(dir.path, "given"), JSON.stringify(credential));

test("all that an agent needs is in its credential", () => {
  const config = readConfig(env);
  expect(config.agentToken()).toBe(`${given.agentId}.${given.secret}`);
  expect(config.queueServer).toHaveProperty("password");
  expect((config.queueServer as { password(): string }).password()).toBe(redisPassword(given.secret));
  expect(config).toMatchObject({
    region: "eu-west",
    agentId: given.agentId,
    coordinatorUrl: "https://watch.example",
    queueServer: {
      kind: "redis",
      prefix: "wp",
      options: {
        host: "queue.example",
        port: 6380,
        username: `wp-agent-${given.agentId}`,
        tls: { servername: "queue.example" },
      },
    },
    credential: { current: given },
  });
});

test("systemd hands it over under a name of its own", async () => {
  await writeFile(join(dir.path, "agent"), JSON.stringify(given));
  expect(openCredential({ CREDENTIALS_DIRECTORY: dir.path })?.current).toEqual(given);
  expect(openCredential({ CREDENTIALS_DIRECTORY: join(dir.path, "of-others") })).toBeNull();
  expect(openCredential({})).toBeNull();
});

test("settings may name other servers", () => {
  const more = { WATCHPOST_COORDINATOR_URL: "http://10.0.0.1:8080", REDIS_URL: "redis://:pw@10.0.0.2" };
  expect(readConfig({ ...env, ...more })).toMatchObject({
    coordinatorUrl: "http://10.0.0.1:8080",
    queueServer: { kind: "redis", options: { host: "10.0.0.2", password: "pw" } },
  });
});

test("of several processes each has an id that begins with the agent's", () => {
  const id = `${given.agentId}-2`;
  expect(readConfig({ ...env, WATCHPOST_AGENT_ID: id }).agentId).toBe(id);
});

test.each([
  [{ WATCHPOST_REGION: "us-east" }, "WATCHPOST_REGION must be eu-west, as in the agent's credential"],
  [{ WATCHPOST_AGENT_ID: "agt_other" }, /WATCHPOST_AGENT_ID must be agt_\w+, as in the agent's credential/],
  [{ WATCHPOST_CREDENTIAL_FILE: "/nowhere" }, "WATCHPOST_CREDENTIAL_FILE /nowhere is not there"],
])("with %o says what is wrong", (change, message) => {
  expect(() => readConfig({ ...env, ...change })).toThrow(ConfigError);
  expect(() => readConfig({ ...env, ...change })).toThrow(message);
});

test.each([
  [{ v: 2 }, "v must be 1"],
  [{ agentId: "agt_1" }, "agentId must match"],
  [{ secret: "hunter2" }, "secret must match"],
  [{ generation: 0 }, "generation must be 1 or more"],
  [{ region: "EU" }, "region must be lower-case letters"],
  [{ coordinatorUrl: "watch.example" }, "coordinatorUrl must be a URL"],
  [{ queue: { kind: "pigeon" } }, "queue.kind must be tunnel or redis"],
  [{ queuePrefix: "a:b" }, "queuePrefix must match"],
])("a credential with %o is refused by name, and not shown", async (change, message) => {
  await give({ ...given, ...change });
  expect(() => readConfig(env)).toThrow(ConfigError);
  expect(() => readConfig(env)).toThrow(message);
  expect(() => readConfig(env)).not.toThrow(/hunter2/);
});

test("a file that is no JSON is refused and not shown", async () => {
  await writeFile(join(dir.path, "given"), "hunter2");
  expect(() => readConfig(env)).toThrow(/cannot be used: the text must be JSON$/);
});

test("what the agent was given since is kept for itself, and wins when it is newer", async () => {
  const second = { ...given, secret: newSecret("wps"), generation: 2 };
  const { region: _, coordinatorUrl: __, ...news } = second;
  const live = open();
  expect(await live.replace(news)).toBe(2);
  expect(live.current).toEqual(second);
  const [file = ""] = await readdir(join(dir.path, "state"));
  expect((await stat(join(dir.path, "state", file))).mode & 0o777).toBe(0o600);
  expect(open().current).toEqual(second);
  expect(await live.replace({ ...news, secret: newSecret("wps") })).toBe(2);
  expect(live.current).toEqual(second);
  const third = { ...given, secret: newSecret("wps"), generation: 3 };
  await give(third);
  expect(open().current).toEqual(third);
});

test.each([
  [{ agentId: newId("agt"), generation: 2 }, "another agent's"],
  [{ secret: "hunter2", generation: 2 }, "secret must match"],
])("%o is not kept", async (news, message) => {
  const live = open();
  await expect(live.replace(news)).rejects.toThrow(message);
  expect([live.current, open().current]).toEqual([given, given]);
});

test("what another process of the agent was given serves all of them", async () => {
  const [one, other] = [open(), open()];
  await one.replace({ ...given, secret: newSecret("wps"), generation: 2 });
  expect(other.current).toEqual(one.current);
});

test("what another agent keeps in the same place is left alone", async () => {
  await open().replace({ ...given, secret: newSecret("wps"), generation: 7 });
  const mine = { ...given, agentId: newId("agt") };
  await give(mine);
  expect(open().current).toEqual(mine);
  await open().replace({ ...mine, secret: newSecret("wps"), generation: 2 });
  const files = await readdir(join(dir.path, "state"));
  const texts = await Promise.all(files.map((file) => readFile(join(dir.path, "state", file), "utf8")));
  expect(texts.map((text) => JSON.parse(text).generation).toSorted()).toEqual([2, 7]);
});

test("several processes may keep it at the same time", async () => {
  const second = { ...given, secret: newSecret("wps"), generation: 2 };
  await Promise.all(Array.from({ length: 8 }, () => open().replace(second)));
  expect(open().current).toEqual(second);
});

function open(): LiveCredential {
  const live = openCredential(env);
  if (live === null) throw new Error("no credential");
  return live;
}
