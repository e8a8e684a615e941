import { createClient } from "@clickhouse/client";
import { customAlphabet } from "nanoid";
import { Client } from "pg";
import { inject } from "vitest";
import type { QueueServer } from "../../shared/queues.ts";
import { startTestRedis } from "./servers.ts";

declare module "vitest" {
  interface ProvidedContext {
    postgresUrl: string;
    clickHouseUrl: string;
  }
}

export interface TestResource {
  readonly url: string;
  stop(): Promise<void>;
}

const freshName = customAlphabet("abcdefghijklmnopqrstuvwxyz", 16);

/** A fresh database on the PostgreSQL that all tests of a run share. */
export async function testDatabase(): Promise<TestResource> {
  const name = freshName();
  const server = inject("postgresUrl");
  await onPostgres(server, `CREATE DATABASE ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { url: url.href, stop: () => onPostgres(server, `DROP DATABASE ${name} WITH (FORCE)`) };
}

async function onPostgres(connectionString: string, statement: string): Promise<void> {
  const client = new Client({ connectionString });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

/** A fresh database on the ClickHouse that all tests of a run share; the URL names it. */
export async function testClickHouse(): Promise<TestResource> {
  const name = freshName();
  const server = inject("clickHouseUrl");
  await onClickHouse(server, `CREATE DATABASE ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { url: url.href, stop: () => onClickHouse(server, `DROP DATABASE ${name} SYNC`) };
}

async function onClickHouse(url: string, query: string): Promise<void> {
  const client = createClient({ url });
  try {
    await client.command({ query });
  } finally {
    await client.close();
  }
}

export const queueKinds = ["redis", "postgres"] as const;

/** An empty queue server of one kind: a Redis of its own, or a fresh database. */
export async function testQueueServer(kind: QueueServer["kind"]): Promise<{ server: QueueServer } & TestResource> {
  if (kind === "postgres") {
    const database = await testDatabase();
    return { ...database, server: { kind, connectionString: database.url, prefix: "watchpost" } };
  }
  const redis = await startTestRedis();
  return { url: redis.url, stop: redis.stop, server: redisAt(redis.url) };
}

/** The queues on the Redis of this URL. */
export function redisAt(url: string): Extract<QueueServer, { kind: "redis" }> {
  const { hostname: host, port, password } = new URL(url);
  return { kind: "redis", options: { host, port: Number(port), password }, prefix: "watchpost" };
}
