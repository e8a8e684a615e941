import { mkdir, open, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { endOf, isRunning, lastWords, stopChild } from "./child-end.ts";
import { freePort } from "./free-port.ts";
import { spawnLeashed } from "./leash.ts";
import { findPostgres } from "./postgres-binaries.ts";
import { createCluster, POSTGRES_USER } from "./postgres-cluster.ts";
import { clearLeftover } from "./postgres-leftover.ts";
import { secretFile } from "./secret-file.ts";
import { type EmbeddedServer, type EmbeddedServerOptions, STOP_PATIENCE_MS } from "./server.ts";
import { unprivileged } from "./unprivileged.ts";

const DATABASE = "watchpost";
const START_DEADLINE_MS = 60_000;
const LOOK_EVERY_MS = 10;
/** A server that was killed leaves processes that take a moment to notice, and a free port can be taken. */
const START_ATTEMPTS = 20;
const RETRY_EVERY_MS = 250;
const willPass = /pre-existing shared memory block|Address already in use|lock file .* already exists/;

/** For the few megabytes of one machine's Watchpost, and for many small connection pools. */
const baseSettings = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  max_connections: "200",
  shared_buffers: "64MB",
  max_wal_size: "256MB",
  timezone: "UTC",
  log_timezone: "UTC",
  lc_messages: "C",
  logging_collector: "off",
};

/** Faster, for data that nobody misses after a power cut. */
const carelessSettings = { fsync: "off", full_page_writes: "off" };

export interface PostgresOptions extends EmbeddedServerOptions {
  /** Whether what is committed survives a power cut, and not only the end of the process; default: it does. */
  readonly durable?: boolean;
}

/**
 * A real PostgreSQL on 127.0.0.1 with one user, whose random password is kept in
 * `dataDir`, and the database `watchpost`. What is committed survives SIGKILL of
 * everything. A server that an earlier run left on the directory is ended first.
 * @throws ConfigError when there are no binaries for this machine, or when root
 * finds no way to run them.
 */
export async function startPostgres(options: PostgresOptions): Promise<EmbeddedServer> {
  const began = performance.now();
  const dataDir = resolve(options.dataDir);
  const cluster = join(dataDir, "cluster");
  const passwordFile = join(dataDir, "password");
  const binaries = await findPostgres();
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const runner = await unprivileged(binaries.postgres, dataDir);
  const { secret: password } = await secretFile(passwordFile);
  const { durable = true } = options;
  await createCluster({ dataDir, cluster, passwordFile, database: DATABASE, binaries, runner, durable });
  await clearLeftover(cluster);

  const settings = { ...baseSettings, ...(durable ? {} : carelessSettings) };
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort());
    const [command = "", ...args] = [...runner.prefix, binaries.postgres, "-D", cluster, "-p", String(port)];
    for (const [name, value] of Object.entries(settings)) args.push("-c", `${name}=${value}`);
    const log = await open(options.logFile, "a", 0o600);
    const child = spawnLeashed({ command, args, signal: "INT", stdout: log.fd, options: { cwd: "/" } });
    await log.close();
    const ended = endOf(child);
    // Fast shutdown. Killed instead, it recovers at the next start.
    const stop = (patienceMs = STOP_PATIENCE_MS) => stopChild(child, "SIGINT", patienceMs);
    if (await becomesReady(cluster, () => isRunning(child))) {
      const url = `postgres://${POSTGRES_USER}:${password}@127.0.0.1:${port}/${DATABASE}`;
      return { url, pid: child.pid as number, startedMs: performance.now() - began, ended, stop };
    }
    const end = isRunning(child) ? `not ready within ${START_DEADLINE_MS} ms` : await ended;
    await stop();
    const words = await lastWords(options.logFile);
    if (attempt === START_ATTEMPTS || !willPass.test(words))
      throw new Error(`PostgreSQL did not start (${end}): ${words}`);
    await sleep(RETRY_EVERY_MS);
  }
}

/** The server says in line 8 of `postmaster.pid` that it takes connections (PostgreSQL's pidfile.h). */
async function becomesReady(cluster: string, runs: () => boolean): Promise<boolean> {
  const end = performance.now() + START_DEADLINE_MS;
  while (runs() && performance.now() < end) {
    const text = await readFile(join(cluster, "postmaster.pid"), "utf8").catch(() => "");
    if (text.split("\n")[7]?.startsWith("ready")) return true;
    await sleep(LOOK_EVERY_MS);
  }
  return false;
}
