import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createSupervised } from "../../shared/supervised.ts";
import { type News, type Supervisor, systemdOf, withoutSystemd } from "../../shared/systemd.ts";
import { tempDir } from "../support/temp-dir.ts";
import { until } from "../support/until.ts";

const logger = pino({ level: "silent" });

describe("a supervised program", () => {
  const state = { ready: false, alive: true };
  let told: News[];
  const supervisor = (patienceMs: number | null): Supervisor => ({
    patienceMs,
    tell: async (news) => void told.push(news),
  });
  const supervised = (patienceMs: number | null) =>
    createSupervised({
      supervisor: supervisor(patienceMs),
      isReady: () => state.ready,
      isAlive: () => state.alive,
      status: () => "well",
      logger,
    });

  beforeEach(() => {
    told = [];
    Object.assign(state, { ready: false, alive: true });
  });

  test("says that it is ready when it is, then in time that it lives, and last that it stops", async () => {
    const part = supervised(60);
    await part.start();
    expect(told).toEqual([]);
    state.ready = true;
    await until(
      () => told.length,
      (count) => count >= 4,
    );
    expect(told[0]).toEqual({ ready: true, alive: true, status: "well" });
    await part.stop();
    expect(told.at(-1)).toEqual({ stopping: true });
  });

  test("says nothing while it makes no progress, and goes on when it does", async () => {
    const part = supervised(60);
    state.ready = true;
    await part.start();
    await until(
      () => told.length,
      (count) => count >= 2,
    );
    state.alive = false;
    let before = -1;
    // As many messages would have come in between as the patience holds, and more.
    await until(
      async () => {
        const grew = told.length > before;
        before = told.length;
        await new Promise((resolve) => setTimeout(resolve, 100));
        return grew;
      },
      (grew) => !grew,
    );
    state.alive = true;
    await until(
      () => told.length,
      (count) => count > before,
    );
    await part.stop();
  });

  test("does not promise to live to one that does not watch", async () => {
    const part = supervised(null);
    state.ready = true;
    await part.start();
    await until(
      () => told.length,
      (count) => count === 1,
    );
    expect(told).toEqual([{ ready: true, alive: false, status: "well" }]);
    await part.stop();
  });
});

describe("systemd", () => {
  let dir: Awaited<ReturnType<typeof tempDir>>;
  beforeEach(async () => {
    dir = await tempDir();
  });
  afterEach(() => dir.remove());

  test("is there only for a service that notifies", () => {
    expect(systemdOf({})).toBeNull();
    const env = { NOTIFY_SOCKET: "/run/systemd/notify", WATCHDOG_USEC: "30000000" };
    expect(systemdOf(env)?.patienceMs).toBe(30_000);
    expect(systemdOf({ ...env, WATCHDOG_PID: String(process.pid) })?.patienceMs).toBe(30_000);
    expect(systemdOf({ ...env, WATCHDOG_PID: "1" })?.patienceMs).toBeNull();
    expect(systemdOf({ NOTIFY_SOCKET: "/run/systemd/notify" })?.patienceMs).toBeNull();
    expect(withoutSystemd({ ...env, WATCHDOG_PID: "1", PATH: "/bin" })).toEqual({ PATH: "/bin" });
  });

  test("is told by systemd-notify, each word as an argument of its own", async () => {
    const said = join(dir.path, "said");
    const notify = join(dir.path, "systemd-notify");
    await writeFile(notify, `#!/bin/sh\nprintf '%s\\n' "$NOTIFY_SOCKET" "$@" "secret=$SECRET" > ${said}\n`);
    await chmod(notify, 0o755);
    const systemd = systemdOf({ NOTIFY_SOCKET: "@there", PATH: `${dir.path}:/bin:/usr/bin`, SECRET: "x" });
    await systemd?.tell({ ready: true, alive: true, status: "linked;\n$(true) `true`" });
    expect(await readFile(said, "utf8")).toBe("@there\nREADY=1\nWATCHDOG=1\nSTATUS=linked; $(true) `true`\nsecret=\n");
    await systemd?.tell({ stopping: true });
    expect(await readFile(said, "utf8")).toBe("@there\nSTOPPING=1\nsecret=\n");
  });

  test("that cannot be told is an error, which does not end the program", async () => {
    const systemd = systemdOf({ NOTIFY_SOCKET: "@there", PATH: dir.path }) as Supervisor;
    await expect(systemd.tell({ alive: true })).rejects.toThrow("systemd-notify");
    const part = createSupervised({
      supervisor: systemd,
      isReady: () => true,
      isAlive: () => true,
      status: () => "",
      logger,
    });
    await part.start();
    await part.stop();
  });
});
