import { setTimeout as sleep } from "node:timers/promises";
import { runProgram } from "../../shared/program.ts";
import { openEngine } from "./clickhouse-engine.ts";
import { createClickHouseServer } from "./clickhouse-http.ts";
import { LINGER_MS } from "./server.ts";

await runProgram((env) => {
  const { CLICKHOUSE_DATA_DIR = "", CLICKHOUSE_PORT = "0", CLICKHOUSE_USER = "", CLICKHOUSE_PASSWORD = "" } = env;
  const server = createClickHouseServer({
    openEngine: () => openEngine(CLICKHOUSE_DATA_DIR),
    port: Number(CLICKHOUSE_PORT),
    user: CLICKHOUSE_USER,
    password: CLICKHOUSE_PASSWORD,
  });
  return {
    async start() {
      await server.start();
      process.send?.({ port: server.port() });
    },
    async stop() {
      if (!process.connected) await sleep(LINGER_MS);
      await server.stop();
    },
  };
}, process.env);
