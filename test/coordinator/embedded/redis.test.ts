import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { findRedis, startRedis } from "../../../coordinator/embedded/redis.ts";
import { tempDir } from "../../support/temp-dir.ts";

describe("the private Redis", () => {
  let dir: Awaited<ReturnType<typeof tempDir>>;
  const start = async () =>
    startRedis((await findRedis()) ?? "", { dataDir: join(dir.path, "redis"), logFile: join(dir.path, "log") });
  beforeEach(async () => {
    dir = await tempDir();
  });
  afterEach(() => dir.remove());

  async function ask<T>(url: string, work: (client: Redis) => Promise<T>): Promise<T> {
    const client = new Redis(url, { retryStrategy: null, maxRetriesPerRequest: 0 });
    client.on("error", () => undefined);
    try {
      return await work(client);
    } finally {
      client.disconnect();
    }
  }

  test("keeps its data, evicts nothing and asks for its password", async () => {
    const first = await start();
    await ask(first.url, (client) => client.set("kept", "7"));
    await first.stop();
    const second = await start();
    await ask(second.url, async (client) => {
      expect(await client.get("kept")).toBe("7");
      expect(await client.config("GET", "maxmemory-policy")).toEqual(["maxmemory-policy", "noeviction"]);
      expect(await client.config("GET", "bind")).toEqual(["bind", "127.0.0.1"]);
    });
    await expect(ask(second.url.replace(/:[^:@]+@/, ":wrong@"), (client) => client.get("kept"))).rejects.toThrow();
    for (const name of ["password", "port"]) {
      expect((await stat(join(dir.path, "redis", name))).mode & 0o777).toBe(0o600);
    }
    await second.stop();
  });

  test("ends a server that an earlier run left on the directory", async () => {
    const first = await start();
    await ask(first.url, (client) => client.set("kept", "8"));
    const second = await start();
    expect(await first.ended).toBe("exit code 0");
    expect(await ask(second.url, (client) => client.get("kept"))).toBe("8");
    await second.stop();
    expect(await readdir(join(dir.path, "redis"))).toContain("appendonlydir");
  });

  test("says why it does not start", async () => {
    const server = await start();
    const port = Number(new URL(server.url).port);
    const other = { dataDir: join(dir.path, "other"), logFile: join(dir.path, "other.log"), port };
    await expect(startRedis((await findRedis()) ?? "", other)).rejects.toThrow(/did not start.*Address already in use/);
    await server.stop();
  });
});
