import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { Redis, type RedisOptions } from "ioredis";
import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";
import { type AgentRedisCredential, createRedisUsers } from "../../../coordinator/agents/redis-users.ts";
import type { QueueServer } from "../../../shared/queues.ts";
import { testQueueServer } from "../../support/shared-servers.ts";
import { until } from "../../support/until.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const agent = (n: number, ...passwords: string[]): AgentRedisCredential => ({
  agentId: `agt_${String(n).padStart(20, "0")}`,
  region: "eu",
  passwordHashes: passwords.map(sha256),
});
const nameOf = ({ agentId }: AgentRedisCredential) => `watchpost-agent-${agentId}`;
const consumerKeys = (label: string) => [Buffer.from(`new ${label}`), Buffer.from(`old ${label}`)];

async function setup() {
  const { server, url, stop } = await testQueueServer("redis");
  const admin = new Redis(url);
  const lines: Array<{ level: number; msg: string }> = [];
  const logger = pino({ level: "info" }, { write: (line) => void lines.push(JSON.parse(line)) });
  let enrolled: AgentRedisCredential[] = [];
  onTestFinished(async () => {
    admin.disconnect();
    await stop();
  });
  const { options } = server as { options: RedisOptions };
  return {
    admin,
    options,
    lines,
    enrol(...agents: AgentRedisCredential[]) {
      enrolled = agents;
    },
    names: async () => ((await admin.call("ACL", "USERS")) as string[]).filter((name) => name !== "default").sort(),
    async users(changes: RedisOptions = {}) {
      const users = createRedisUsers({
        server: { kind: "redis", options: { ...options, ...changes }, prefix: "watchpost" },
        credentials: async () => enrolled,
        consumerKeys,
        logger,
      });
      onTestFinished(users.stop);
      await users.start();
      return users;
    },
    /** Logs in and works; rejects where one is refused. */
    async ping(username: string, password: string): Promise<Redis> {
      const client = new Redis({
        ...options,
        username,
        password,
        lazyConnect: true,
        enableReadyCheck: false,
        retryStrategy: () => null,
      });
      client.on("error", () => undefined);
      onTestFinished(() => client.disconnect());
      await client.connect();
      await client.ping();
      return client;
    },
  };
}

test("every enrolled agent has a user, with both passwords while its secret is rotated", async () => {
  const { enrol, users, names, ping } = await setup();
  const [one, two] = [agent(1, "a", "b"), agent(2, "c")];
  enrol(one, two);
  const kept = await users();
  expect(await names()).toEqual([nameOf(one), nameOf(two)]);
  await ping(nameOf(one), "a");
  await ping(nameOf(one), "b");
  await expect(ping(nameOf(two), "a")).rejects.toThrow();
  enrol(agent(1, "b"), two);
  await kept.refresh();
  await ping(nameOf(one), "b");
  await expect(ping(nameOf(one), "a")).rejects.toThrow();
});

test("a revoked agent is cut off; users that are not ours stay", async () => {
  const { enrol, users, names, ping, admin } = await setup();
  const strangers = ["somebody", "watchpost-agent-agent-agt_0a", "watchpost-results-us", "watchpost-agent-x"];
  for (const name of strangers) await admin.call("ACL", "SETUSER", name);
  await admin.call("ACL", "SETUSER", "watchpost-agent-agt_0b");
  enrol(agent(1, "a"));
  const kept = await users();
  expect(await names()).toEqual([...strangers, nameOf(agent(1))].sort());
  const closed = once(await ping(nameOf(agent(1)), "a"), "close");
  enrol();
  await kept.refresh();
  await closed;
  expect(await names()).toEqual(strangers.toSorted());
});

test("a Redis that has lost its users gets them again, also at once when it was restarted", async () => {
  const { enrol, users, names, admin, ping } = await setup();
  enrol(agent(1, "a"));
  await users();
  await admin.call("ACL", "DELUSER", nameOf(agent(1)));
  await until(names, (found) => found.length === 1);
  // As a restart does, it closes the connections; that rules were changed meanwhile, no comparison would show.
  await admin.call("ACL", "SETUSER", nameOf(agent(1)), "resetpass");
  await admin.client("KILL", "TYPE", "normal", "SKIPME", "yes");
  await until(
    () =>
      ping(nameOf(agent(1)), "a").then(
        () => true,
        () => false,
      ),
    (works) => works,
  );
});

test("the consumer of a region gets a user that several coordinators with several keys agree on", async () => {
  const { users, ping } = await setup();
  const [one, two] = [await users(), await users()];
  const [access, same] = await Promise.all([one.consumerOf("eu"), two.consumerOf("eu")]);
  expect(access).toEqual(same);
  const { username, password } = (access.server as Extract<QueueServer, { kind: "redis" }>).options;
  expect([access.leastPrivilege, username]).toEqual([true, "watchpost-results-eu"]);
  await ping("watchpost-results-eu", String(password));
  await ping("watchpost-results-eu", Buffer.from("old redis consumer watchpost eu").toString("base64url"));
});

test("a coordinator that may not manage users says so once and works on with its own rights, until it may", async () => {
  const { users, admin, lines, names, enrol } = await setup();
  await admin.call("ACL", "SETUSER", "limited", "on", ">pw", "~*", "+@all", "-acl");
  enrol(agent(1, "a"));
  const kept = await users({ username: "limited", password: "pw" });
  expect(await kept.consumerOf("eu")).toMatchObject({
    leastPrivilege: false,
    server: { options: { username: "limited" } },
  });
  await kept.refresh();
  expect(lines.filter(({ level }) => level >= 40)).toMatchObject([
    { level: 50, reason: expect.stringMatching(/NOPERM/) },
  ]);
  await admin.call("ACL", "SETUSER", "limited", "+acl|users", "+acl|setuser", "+acl|deluser");
  expect(await kept.consumerOf("eu")).toMatchObject({ leastPrivilege: true });
  expect(await names()).toContain(nameOf(agent(1)));
});

test("a Redis without selectors gets rules without them", async () => {
  const { users, enrol, options, names, admin, lines } = await setup();
  // Redis 6.2 answers so; the way to it is a real one.
  const old = createServer((client) => {
    const upstream = connect(Number(options.port), options.host as string);
    client.on("data", (data) => {
      if (String(data).includes("(-@all"))
        client.write("-ERR Error in ACL SETUSER modifier '(-@all': Syntax error\r\n");
      else upstream.write(data);
    });
    upstream.pipe(client);
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on("error", () => undefined).on("close", () => other.destroy());
    }
  }).listen(0, "127.0.0.1");
  await once(old, "listening");
  onTestFinished(() => void old.close());
  enrol(agent(1, "a"));
  await users({ port: (old.address() as { port: number }).port });
  expect(await names()).toEqual([nameOf(agent(1))]);
  const rules = (await admin.call("ACL", "GETUSER", nameOf(agent(1)))) as unknown[];
  expect(rules[rules.indexOf("selectors") + 1]).toEqual([]);
  expect(lines.some(({ msg }) => /no ACL selectors/.test(msg))).toBe(true);
});

test("with the queues in PostgreSQL there are no users", async () => {
  const server = { kind: "postgres", connectionString: "postgres://nowhere", prefix: "watchpost" } as const;
  const users = createRedisUsers({
    server,
    credentials: async () => [],
    consumerKeys,
    logger: pino({ level: "silent" }),
  });
  await users.start();
  expect(await users.consumerOf("eu")).toEqual({ server, leastPrivilege: false });
  await users.stop();
});
