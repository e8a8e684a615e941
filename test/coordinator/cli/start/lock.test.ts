import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { takeLock } from "../../../../coordinator/cli/start/lock.ts";
import { birthOf } from "../../../../coordinator/embedded/process-table.ts";
import { ConfigError } from "../../../../shared/errors.ts";
import { tempDir } from "../../../support/temp-dir.ts";

describe("the lock of a data directory", () => {
  let dir: Awaited<ReturnType<typeof tempDir>>;
  let path: string;
  beforeEach(async () => {
    dir = await tempDir();
    path = join(dir.path, "lock");
  });
  afterEach(() => dir.remove());

  test("is refused while its holder lives, and free once released", async () => {
    const lock = await takeLock(path);
    expect(lock.wasLeft).toBe(false);
    await expect(takeLock(path)).rejects.toThrow(ConfigError);
    await expect(takeLock(path)).rejects.toThrow(`process ${process.pid}`);
    await lock.release();
    expect((await takeLock(path)).wasLeft).toBe(false);
    expect(await readdir(dir.path)).toEqual(["lock"]);
  });

  test("is taken over from a process that was killed", async () => {
    const holder = spawn("sleep", ["60"], { stdio: "ignore" });
    await once(holder, "spawn");
    const pid = holder.pid ?? 0;
    await writeFile(path, JSON.stringify({ pid, birth: await birthOf(pid) }));
    await expect(takeLock(path)).rejects.toThrow(`process ${pid}`);
    holder.kill("SIGKILL");
    await once(holder, "exit");
    expect((await takeLock(path)).wasLeft).toBe(true);
    expect(JSON.parse(await readFile(path, "utf8")).pid).toBe(process.pid);
  });

  test("is taken over when the holder's id belongs to another process by now", async () => {
    await writeFile(path, JSON.stringify({ pid: process.pid, birth: "an earlier boot 17" }));
    expect((await takeLock(path)).wasLeft).toBe(true);
  });

  test("is taken over when it was written only in part", async () => {
    await writeFile(path, '{"pid":');
    expect((await takeLock(path)).wasLeft).toBe(true);
  });
});
