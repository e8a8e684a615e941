import { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import type { CoordinatorConfig } from "../../coordinator/config.ts";
import { redisUser } from "../../shared/agent-secret.ts";
import type { QueueServer } from "../../shared/queues.ts";
import { startTestCoordinator } from "../support/coordinator.ts";
import { enrolledAgent } from "../support/enrolled-agent.ts";
import { startTlsRedis } from "../support/redis-tls.ts";
import { testQueueServer } from "../support/shared-servers.ts";
import { httpTarget } from "../support/targets.ts";
import { until } from "../support/until.ts";

/** A coordinator on this Redis, a monitor that is checked every second, and an enrolled agent that is not started. */
async function setup(server: QueueServer, changes: Partial<CoordinatorConfig> = {}) {
  const target = await httpTarget((_, response) => response.end("ok"));
  const coordinator = await startTestCoordinator("redis", { ...changes, queueServer: server, agentToken: null });
  const enrolled = await enrolledAgent(coordinator, "eu-west");
  const admin = new Redis((server as Extract<QueueServer, { kind: "redis" }>).options);
  onTestFinished(async () => {
    admin.disconnect();
    await coordinator.stop();
    await Promise.all([target.stop(), enrolled.remove()]);
  });
  return {
    admin,
    coordinator,
    enrolled,
    start(env: NodeJS.ProcessEnv = {}) {
      const agent = enrolled.start(env);
      onTestFinished(async () => void (await agent.end("SIGKILL")));
      return agent;
    },
    /** Resolves when a check that is due from now on has its result. */
    async works() {
      const from = new Date().toISOString();
      const { body } = await coordinator.call("GET", "/v1/monitors");
      const id =
        body.data[0]?.id ??
        (
          await coordinator.call("POST", "/v1/monitors", {
            name: "M",
            type: "http",
            interval: "1s",
            http: { url: `http://127.0.0.1:${target.port}/` },
          })
        ).body.id;
      await until(
        () => coordinator.call("GET", `/v1/monitors/${id}/results?from=${from}`),
        (answer) => answer.body.data.length > 0,
      );
    },
  };
}

/** The users that are connected to Redis, other than the coordinator's. */
async function connected(admin: Redis): Promise<string[]> {
  const clients = ((await admin.client("LIST")) as string).matchAll(/ addr=(\S+) laddr=\S+:(\d+) .* user=(\S+)/g);
  return [...clients].map(([, , port, user]) => `${user} ${port}`).filter((one) => !one.startsWith("default"));
}

test("an agent connects to Redis by itself, over TLS, when the coordinator says where it is", async () => {
  const { server, tlsPort, authority, stop } = await startTlsRedis();
  onTestFinished(stop);
  const { admin, enrolled, start, works } = await setup(server, { agentRedisUrl: `rediss://localhost:${tlsPort}` });
  const stranger = start();
  await until(stranger.output, (output) => /certificate/.test(output));
  await stranger.end("SIGKILL");
  start({ WATCHPOST_CA_FILE: authority.file });
  await works();
  const user = redisUser("watchpost", enrolled.agentId);
  expect(await connected(admin)).toEqual(expect.arrayContaining([`${user} ${tlsPort}`]));
  expect(await admin.call("ACL", "LOG")).toEqual([]);
});

test("through the coordinator, a Redis that loses everything loses no agent, and no other has its place", async () => {
  const { server, stop } = await testQueueServer("redis");
  onTestFinished(stop);
  const { admin, enrolled, start, works } = await setup(server);
  const agent = start();
  await works();
  const user = redisUser("watchpost", enrolled.agentId);
  expect((await connected(admin)).filter((one) => one.startsWith(user))).toHaveLength(3);
  // Longer than it would take to be made again: both agent and coordinator come while there is no user for them.
  await admin.flushall();
  await admin.call("ACL", "DELUSER", user, "watchpost-results-eu-west");
  await until(agent.output, (output) => output.includes("WRONGPASS"));
  await works();
  expect(agent.output()).not.toContain("cannot go on");
});
