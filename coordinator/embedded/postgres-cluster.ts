import { existsSync } from "node:fs";
import { lchown, mkdir, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { endOf, lastWords } from "./child-end.ts";
import { spawnLeashed } from "./leash.ts";
import type { PostgresBinaries } from "./postgres-binaries.ts";
import type { Unprivileged } from "./unprivileged.ts";

export const POSTGRES_USER = "watchpost";
/** Creating a cluster takes about a second; a slow disk may take many. In ms. */
const CREATE_DEADLINE_MS = 120_000;

export interface NewCluster {
  /** Where the cluster will be, a directory inside `dataDir`. */
  readonly cluster: string;
  readonly dataDir: string;
  readonly passwordFile: string;
  readonly database: string;
  readonly binaries: PostgresBinaries;
  readonly runner: Unprivileged;
  /** Whether it has to survive a power cut from the start. */
  readonly durable: boolean;
}

/**
 * Makes a database cluster with one user and one database, unless there is one.
 * It is made beside its place and renamed when complete: a crash leaves no half.
 * Text sorts and compares by code point on every machine (PostgreSQL's own
 * C.UTF-8), so an index never depends on the system's libraries.
 */
export async function createCluster(options: NewCluster): Promise<void> {
  const { cluster, dataDir, passwordFile, database, binaries, runner, durable } = options;
  if (existsSync(cluster)) return;
  const partial = `${cluster}.new`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { mode: 0o700 });
  if (runner.owner !== null) {
    for (const path of [partial, passwordFile]) await lchown(path, runner.owner.uid, runner.owner.gid);
  }
  await run([
    ...runner.prefix,
    binaries.initdb,
    `--pgdata=${partial}`,
    `--username=${POSTGRES_USER}`,
    `--pwfile=${passwordFile}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
    "--no-sync",
  ]);
  await run(
    [...runner.prefix, binaries.postgres, "--single", "-F", "-D", partial, "postgres"],
    `CREATE DATABASE ${database};\n`,
  );
  // Once, instead of after every step.
  if (durable) await run([...runner.prefix, binaries.initdb, "--sync-only", `--pgdata=${partial}`]);
  await rename(partial, cluster);

  async function run([command = "", ...args]: string[], input = ""): Promise<void> {
    const log = join(dataDir, "create.log");
    const output = await open(log, "w", 0o600);
    try {
      const child = spawnLeashed({
        command,
        args,
        signal: "TERM",
        stdin: "pipe",
        stdout: output.fd,
        options: { cwd: "/", timeout: CREATE_DEADLINE_MS },
      });
      // A program that ends early closes its input; how it ended says enough.
      child.stdin?.on("error", () => undefined);
      child.stdin?.end(input);
      const end = await endOf(child);
      if (end !== "exit code 0")
        throw new Error(`PostgreSQL's data could not be created (${end}): ${await lastWords(log)}`);
    } finally {
      await output.close();
    }
    await rm(log);
  }
}
