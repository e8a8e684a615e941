import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Client } from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startPostgres } from "../../../coordinator/embedded/postgres.ts";
import { isAlive } from "../../../coordinator/embedded/process-table.ts";
import { tempDir } from "../../support/temp-dir.ts";

async function ask(url: string, ...statements: string[]): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  try {
    let rows: unknown[] = [];
    for (const statement of statements) ({ rows } = await client.query(statement));
    return rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}

describe("the embedded PostgreSQL", () => {
  let dir: Awaited<ReturnType<typeof tempDir>>;
  const options = () => ({ dataDir: join(dir.path, "postgres"), logFile: join(dir.path, "log"), durable: false });
  const serverPid = async () =>
    Number((await readFile(join(dir.path, "postgres", "cluster", "postmaster.pid"), "utf8")).split("\n")[0]);
  beforeEach(async () => {
    dir = await tempDir();
  });
  afterEach(() => dir.remove());

  test("starts on an empty directory below one that only its owner may pass, and keeps its data", async () => {
    const first = await startPostgres({ ...options(), durable: true });
    expect(await ask(first.url, "SELECT current_setting('fsync') AS fsync")).toEqual([{ fsync: "on" }]);
    await ask(first.url, "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (7)");
    await first.stop();
    expect(await first.ended).toBe("exit code 0");
    const second = await startPostgres(options());
    expect(await ask(second.url, "SELECT n, current_database() AS db FROM kept")).toEqual([{ n: 7, db: "watchpost" }]);
    await second.stop();
  });

  test("is PostgreSQL 18 with room for many connections, and asks for its password", async () => {
    const server = await startPostgres(options());
    const [row] = await ask(
      server.url,
      "SELECT current_setting('server_version_num')::int / 10000 AS major, current_setting('max_connections') AS max",
    );
    expect(row).toEqual({ major: 18, max: "200" });
    const wrong = new URL(server.url);
    wrong.password = "wrong";
    await expect(ask(wrong.href)).rejects.toThrow(/password authentication failed/);
    expect((await stat(join(dir.path, "postgres", "password"))).mode & 0o777).toBe(0o600);
    await server.stop();
  });

  test("loses nothing committed when everything is killed, and starts again", async () => {
    const first = await startPostgres(options());
    await ask(first.url, "CREATE TABLE kept (n int)", "INSERT INTO kept SELECT generate_series(1, 1000)");
    process.kill(await serverPid(), "SIGKILL");
    expect(await first.ended).toBe("signal SIGKILL");
    const second = await startPostgres(options());
    expect(await ask(second.url, "SELECT count(*)::int AS n FROM kept")).toEqual([{ n: 1000 }]);
    await second.stop();
  });

  test("ends a server that an earlier run left on the directory", async () => {
    const first = await startPostgres(options());
    const pid = await serverPid();
    const second = await startPostgres(options());
    expect(isAlive(pid)).toBe(false);
    expect(await ask(second.url, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
    await first.stop();
    await second.stop();
  });

  test("does not take another process for its server", async () => {
    const first = await startPostgres(options());
    const pidFile = join(dir.path, "postgres", "cluster", "postmaster.pid");
    const lines = (await readFile(pidFile, "utf8")).split("\n");
    process.kill(await serverPid(), "SIGKILL");
    await first.ended;
    const bystander = spawn("sleep", ["60"], { stdio: "ignore" });
    await once(bystander, "spawn");
    await writeFile(pidFile, [bystander.pid, ...lines.slice(1)].join("\n"));
    const second = await startPostgres(options());
    expect(isAlive(bystander.pid ?? 0)).toBe(true);
    bystander.kill();
    await second.stop();
  });
});
