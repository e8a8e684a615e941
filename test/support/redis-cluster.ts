import { spawn } from "node:child_process";
import { once } from "node:events";
import { Redis } from "ioredis";
import type { QueueServer } from "../../shared/queues.ts";
import { freePort } from "./servers.ts";
import { tempDir } from "./temp-dir.ts";
import { until } from "./until.ts";

/** A Redis in cluster mode that holds every slot: it refuses any command or script whose keys lie in two slots. */
export async function startTestCluster(): Promise<{ readonly server: QueueServer; stop(): Promise<void> }> {
  const [dir, port] = await Promise.all([tempDir(), freePort()]);
  const options = { host: "127.0.0.1", port };
  const child = spawn(
    "redis-server",
    ["--port", String(port), "--bind", options.host, "--cluster-enabled", "yes", "--dir", dir.path],
    { stdio: "ignore" },
  );
  const client = new Redis({ ...options, maxRetriesPerRequest: null });
  client.on("error", () => undefined);
  await until(
    () => client.ping().catch(() => ""),
    (answer) => answer === "PONG",
  );
  await client.call("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
  await until(
    () => client.cluster("INFO"),
    (info) => info.includes("cluster_state:ok"),
  );
  await client.quit();
  return {
    server: { kind: "redis", options, prefix: "watchpost" },
    async stop() {
      const exited = once(child, "exit");
      child.kill();
      await exited;
      await dir.remove();
    },
  };
}
