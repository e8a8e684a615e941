import { runProgram } from "../../shared/program.ts";
import { openEngine } from "./clickhouse-engine.ts";
import { createClickHouseServer } from "./clickhouse-http.ts";

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
    stop: server.stop,
  };
}, process.env);
