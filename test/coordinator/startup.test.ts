import { once } from "node:events";

import type { AddressInfo } from "node:net";
import { connect, createServer } from "node:net";
import type { RedisOptions } from "ioredis";
import { Redis } from "ioredis";
import { expect, onTestFinished, test } from "vitest";
import { createCoordinator } from "../../coordinator/coordinator.ts";
import { ConfigError } from "../../shared/errors.ts";
import type { QueueServer } from "../../shared/queues.ts";
import { startTestCoordinator, testConfig } from "../support/coordinator.ts";
import { freePort } from "../support/servers.ts";
import { testClickHouse, testDatabase, testQueueServer } from "../support/shared-servers.ts";
import { until } from "../support/until.ts";

async function places() {
  const [database, clickhouse, queues] = await Promise.all([
    testDatabase(),
    testClickHouse(),
    testQueueServer("redis"),
  ]);
  onTestFinished(async () => {
    await Promise.all([database.stop(), clickhouse.stop(), queues.stop()]);
  });
  return { databaseUrl: database.url, clickhouseUrl: clickhouse.url, queueServer: queues.server };
}

/** Passes connections on to a server, from the moment it is opened. */
async function lateDoor(port: number, to: URL): Promise<() => Promise<void>> {
  const door = createServer((inside) => {
    const outside = connect(Number(to.port), to.hostname);
    inside.on("error", () => outside.destroy());
    outside.on("error", () => inside.destroy());
    inside.pipe(outside).pipe(inside);
  });
  onTestFinished(async () => {
    door.close();
  });
  return async () => {
    door.listen(port, "127.0.0.1");
    await once(door, "listening");
  };
}

const ready = async (port: number) => {
  const response = await fetch(`http://127.0.0.1:${port}/readyz`);
  return { status: response.status, body: (await response.json()) as any };
};

test("a coordinator waits for ClickHouse, says at /readyz what is missing, and goes on when it comes", async () => {
  const config = testConfig(await places());
  const [port, httpPort] = await Promise.all([freePort(), freePort()]);
  const clickhouse = new URL(config.clickhouseUrl);
  const open = await lateDoor(port, clickhouse);
  const url = new URL(clickhouse);
  url.port = String(port);
  const coordinator = createCoordinator({ ...config, port: httpPort, clickhouseUrl: url.href });
  const started = coordinator.start();
  onTestFinished(() => coordinator.stop());
  const missing = await until(
    () => ready(httpPort).catch(() => ({ status: 0, body: {} as any })),
    ({ body }) => body.checks?.postgres.ok,
    { withinMs: 5_000 },
  );
  expect(missing).toMatchObject({
    status: 503,
    body: {
      status: "not ready",
      checks: { postgres: { ok: true }, clickhouse: { ok: false }, schedule: { ok: false } },
    },
  });
  expect(missing.body.checks.clickhouse.reason).toMatch(/ECONNREFUSED|refused/i);
  await open();
  await started;
  expect((await ready(httpPort)).status).toBe(200);
});

test("a queue server that answers and takes nothing is missing, with its reason", async () => {
  const coordinator = await startTestCoordinator();
  onTestFinished(coordinator.stop);
  const { queueServer } = coordinator;
  const redis = new Redis((queueServer as Extract<QueueServer, { kind: "redis" }>).options as RedisOptions);
  onTestFinished(() => redis.disconnect());
  const port = Number(new URL(coordinator.url).port);
  expect((await ready(port)).status).toBe(200);
  // As with a full disk: what writes is refused, and what reads is answered.
  await redis.config("SET", "min-replicas-to-write", "1");
  expect(await ready(port)).toMatchObject({
    status: 503,
    body: { checks: { postgres: { ok: true }, queue: { ok: false, reason: expect.stringContaining("NOREPLICAS") } } },
  });
  await redis.config("SET", "min-replicas-to-write", "0");
  expect((await ready(port)).status).toBe(200);
});

test.each([
  ["PostgreSQL", (port: number) => ({ databaseUrl: `postgres://u:hunter2@127.0.0.1:${port}/w` })],
  ["ClickHouse", (port: number) => ({ clickhouseUrl: `http://u:hunter2@127.0.0.1:${port}/w` })],
  [
    "The queue server",
    (port: number) => ({ queueServer: { kind: "redis", options: { host: "127.0.0.1", port }, prefix: "w" } as const }),
  ],
])("%s that never comes is named when the waiting time is over", async (name, elsewhere) => {
  const config = { ...testConfig(await places()), ...elsewhere(await freePort()), startupTimeoutS: 1 };
  const outcome = await createCoordinator(config)
    .start()
    .catch((thrown: Error) => thrown.message);
  expect(outcome).toMatch(new RegExp(`^${name} did not answer within 1 s`));
  expect(outcome).not.toMatch(/hunter2/);
});

test("a port in use is one clear line", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  onTestFinished(() => void other.close());
  const { port } = other.address() as AddressInfo;
  const start = createCoordinator({ ...testConfig(await places()), port }).start();
  await expect(start).rejects.toThrow(ConfigError);
  await expect(start).rejects.toThrow(`PORT ${port} of 127.0.0.1 is in use by another program`);
});
