import { once } from "node:events";
import { mkdir, open } from "node:fs/promises";
import { join, resolve } from "node:path";
import { ConfigError } from "../../shared/errors.ts";
import { endOf, isRunning, lastWords, stopChild } from "./child-end.ts";
import { forkProgram } from "./fork-program.ts";
import { secretFile } from "./secret-file.ts";
import { type EmbeddedServer, type EmbeddedServerOptions, STOP_PATIENCE_MS } from "./server.ts";

const USER = "watchpost";
const DATABASE = "default";
const START_DEADLINE_MS = 60_000;
/** Each running query holds a thread of libuv's pool; HTTP compression and files need some too. */
const THREADS = 16;

/**
 * The ClickHouse engine in a child process behind ClickHouse's HTTP interface on
 * 127.0.0.1, with one user whose random password is kept in `dataDir`. What is
 * acknowledged survives SIGKILL of the process.
 * @throws ConfigError when the engine is not installed for this machine.
 */
export async function startClickHouse(options: EmbeddedServerOptions): Promise<EmbeddedServer> {
  const began = performance.now();
  const dataDir = resolve(options.dataDir);
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const { secret: password } = await secretFile(join(dataDir, "password"));
  const log = await open(options.logFile, "a", 0o600);
  const child = forkProgram(new URL("./clickhouse-server", import.meta.url), {
    output: log.fd,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      // ClickHouse writes a DateTime without a zone in the server's own.
      TZ: "UTC",
      UV_THREADPOOL_SIZE: String(THREADS),
      CLICKHOUSE_DATA_DIR: join(dataDir, "data"),
      CLICKHOUSE_PORT: String(options.port ?? 0),
      CLICKHOUSE_USER: USER,
      CLICKHOUSE_PASSWORD: password,
    },
  });
  await log.close();
  const ended = endOf(child);
  const stop = (patienceMs = STOP_PATIENCE_MS) => stopChild(child, "SIGTERM", patienceMs);
  const port = await listeningPort();
  if (port === null) {
    const end = isRunning(child) ? `not ready within ${START_DEADLINE_MS} ms` : await ended;
    await stop();
    const words = await lastWords(options.logFile);
    if (end === "exit code 2") throw new ConfigError(words.replace(/^.*watchpost: /, ""));
    throw new Error(`ClickHouse did not start (${end}): ${words}`);
  }
  const url = `http://${USER}:${password}@127.0.0.1:${port}/${DATABASE}`;
  return { url, pid: child.pid as number, startedMs: performance.now() - began, ended, stop };

  /** The server says its port over IPC once it answers; null when it does not come to that. */
  async function listeningPort(): Promise<number | null> {
    const patience = AbortSignal.timeout(START_DEADLINE_MS);
    const said = once(child, "message", { signal: patience }).then(
      ([message]) => (message as { port: number }).port,
      () => null,
    );
    return Promise.race([said, ended.then(() => null)]);
  }
}
