import { execFile } from "node:child_process";
import { mkdir, open, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { Redis } from "ioredis";
import { withDeadline } from "../../shared/lifecycle.ts";
import { endOf, isRunning, lastWords, stopChild } from "./child-end.ts";
import { freePort } from "./free-port.ts";
import { spawnLeashed } from "./leash.ts";
import { secretFile } from "./secret-file.ts";
import { type EmbeddedServer, type EmbeddedServerOptions, STOP_PATIENCE_MS } from "./server.ts";

const START_DEADLINE_MS = 60_000;
const START_ATTEMPTS = 3;
/** How long a server of an earlier run has to answer, and then to save and end, in ms. */
const LEFTOVER_DEADLINE_MS = 5_000;
const candidates = ["redis-server", "valkey-server"];
/** BullMQ asks for it. */
const MIN_VERSION = [6, 2] as const;

/** The Redis or Valkey on the PATH that is new enough for the queues; null when there is none. */
export async function findRedis(): Promise<string | null> {
  for (const command of candidates) {
    const version = await versionOf(command);
    if (version === null) continue;
    const [major, minor] = version;
    if (major > MIN_VERSION[0] || (major === MIN_VERSION[0] && minor >= MIN_VERSION[1])) return command;
  }
  return null;
}

async function versionOf(command: string): Promise<[major: number, minor: number] | null> {
  try {
    const { stdout } = await promisify(execFile)(command, ["--version"], { timeout: 5_000 });
    const [, major, minor] = /\bv=(\d+)\.(\d+)/.exec(stdout) ?? [];
    return major === undefined ? null : [Number(major), Number(minor)];
  } catch {
    return null;
  }
}

/**
 * A private Redis (or Valkey) on 127.0.0.1 with a random password kept in
 * `dataDir`. It keeps everything (appended to a file, synced every second) and
 * evicts nothing. A server that an earlier run left on the directory is ended first.
 * @throws Error saying how it failed and its last words; nothing runs then.
 */
export async function startRedis(command: string, options: EmbeddedServerOptions): Promise<EmbeddedServer> {
  const began = performance.now();
  const dataDir = resolve(options.dataDir);
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const { secret: password } = await secretFile(join(dataDir, "password"));
  const portFile = join(dataDir, "port");
  await endLeftover(portFile, password);

  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort());
    await writeFile(portFile, String(port), { mode: 0o600 });
    const log = await open(options.logFile, "a", 0o600);
    const child = spawnLeashed({
      command,
      args: ["-"],
      signal: "TERM",
      stdin: "pipe",
      stdout: log.fd,
      options: { cwd: dataDir },
    });
    await log.close();
    // A server that ends early closes its input; how it ended says enough.
    child.stdin?.on("error", () => undefined);
    // Over its input and not as arguments: those are for everybody to see.
    child.stdin?.end(configuration(port, password));
    const ended = endOf(child);
    const stop = (patienceMs = STOP_PATIENCE_MS) => stopChild(child, "SIGTERM", patienceMs);
    const client = clientFor(port, password, () => (isRunning(child) ? 20 : null));
    try {
      await withDeadline(Promise.race([ready(client), ended]), START_DEADLINE_MS, `${command} was not ready`);
    } catch (thrown) {
      await stop();
      throw thrown;
    } finally {
      client.disconnect();
      if (client.status !== "end" && !isRunning(child)) await ended;
    }
    if (isRunning(child)) {
      const url = `redis://:${password}@127.0.0.1:${port}`;
      return { url, pid: child.pid as number, startedMs: performance.now() - began, ended, stop };
    }
    const words = await lastWords(options.logFile);
    if (attempt === START_ATTEMPTS || !/Address already in use/.test(words)) {
      throw new Error(`${command} did not start (${await ended}): ${words}`);
    }
  }
}

const configuration = (port: number, password: string): string => `
bind 127.0.0.1
port ${port}
requirepass ${password}
daemonize no
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
`;

function clientFor(port: number, password: string, retryStrategy: () => number | null): Redis {
  const client = new Redis({ host: "127.0.0.1", port, password, retryStrategy, maxRetriesPerRequest: null });
  // Refused connections are what is waited out, or what says that nobody is there.
  client.on("error", () => undefined);
  return client;
}

/** Resolves when the server has loaded its data and answers, or when the client has given up. */
const ready = (client: Redis): Promise<void> =>
  new Promise((resolve) => {
    client.once("ready", resolve);
    client.once("end", resolve);
  });

/** Who answers on the port of the earlier run, and to its password, is the earlier run's server. */
async function endLeftover(portFile: string, password: string): Promise<void> {
  const port = Number(await readFile(portFile, "utf8").catch(() => "0"));
  if (!(port > 0)) return;
  const client = clientFor(port, password, () => null);
  const closed = new Promise<void>((resolve) => client.once("end", resolve));
  client.once("ready", () => client.call("SHUTDOWN").catch(() => undefined));
  try {
    await withDeadline(closed, LEFTOVER_DEADLINE_MS, `the server that an earlier run left on port ${port} did not end`);
  } finally {
    client.disconnect();
  }
}
