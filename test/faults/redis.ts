import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { Redis } from "ioredis";
import { spawnLeashed } from "../../coordinator/embedded/leash.ts";
import { freePort } from "../support/servers.ts";
import { tempDir } from "../support/temp-dir.ts";
import { until } from "../support/until.ts";

/** A Redis that can be hurt: killed, restarted in its place, frozen, emptied, filled. */
export interface FragileRedis {
  readonly port: number;
  readonly client: Redis;
  /** SIGKILL, and a new start. */
  restart(): Promise<void>;
  kill(): Promise<void>;
  /** On the same port, with whatever is left on disk. */
  start(): Promise<void>;
  freeze(): void;
  thaw(): void;
  stop(): Promise<void>;
}

export async function startFragileRedis({ persistent }: { persistent: boolean }): Promise<FragileRedis> {
  const [dir, port] = await Promise.all([tempDir(), freePort()]);
  const persistence = persistent
    ? ["--appendonly", "yes", "--appendfsync", "always"]
    : ["--appendonly", "no", "--save", ""];
  const client = new Redis({ port, host: "127.0.0.1", maxRetriesPerRequest: null, retryStrategy: () => 50 });
  client.on("error", () => undefined);
  let server: ChildProcess;

  async function start(): Promise<void> {
    const address = ["--port", String(port), "--bind", "127.0.0.1", "--dir", dir.path];
    server = spawnLeashed({
      command: "redis-server",
      args: [...address, "--maxmemory-policy", "noeviction", ...persistence],
      signal: "TERM",
      stdout: "ignore",
    });
    await until(
      () => client.ping().catch(() => ""),
      (answer) => answer === "PONG",
    );
  }
  async function kill(): Promise<void> {
    const exit = once(server, "exit");
    server.kill("SIGKILL");
    await exit;
  }

  await start();
  return {
    port,
    client,
    kill,
    start,
    async restart() {
      await kill();
      await start();
    },
    freeze: () => void server.kill("SIGSTOP"),
    thaw: () => void server.kill("SIGCONT"),
    async stop() {
      client.disconnect();
      await kill();
      await dir.remove();
    },
  };
}
