import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, chown, mkdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AllInOne, type AllInOneOptions, runAllInOne } from "../support/all-in-one.ts";
import { killAll, living } from "../support/process-family.ts";
import { freePort } from "../support/servers.ts";
import { tempDir } from "../support/temp-dir.ts";
import { until } from "../support/until.ts";

/** What makes root an ordinary user for a test, where such a user can read this project. */
const ordinaryUser = (() => {
  const become = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
  const project = fileURLToPath(new URL("../../package.json", import.meta.url));
  const [command = "", ...args] = [...become, "test", "-r", project];
  return process.getuid?.() === 0 && spawnSync(command, args).status === 0 ? become : [];
})();

const regions = ["ap-south", "eu-west", "us-east"];

interface MonitorView {
  readonly id: string;
  readonly name: string;
  readonly status: { readonly verdict: string };
}

const monitorsOf = async (all: AllInOne) => (await all.call<{ data: MonitorView[] }>("/v1/monitors")).data;
const resultsOf = async (all: AllInOne, id: string) =>
  (await all.call<{ data: Array<{ region: string; scheduledAt: string }> }>(`/v1/monitors/${id}/results?limit=200`))
    .data;
const regionsSeen = async (all: AllInOne, id: string) =>
  [...new Set((await resultsOf(all, id)).map(({ region }) => region))].sort();

/** Which checks of a monitor are stored. */
const checksOf = async (all: AllInOne, id: string) =>
  new Set((await resultsOf(all, id)).map(({ region, scheduledAt }) => `${region} ${scheduledAt}`));

/** A guard or a database's helper may take a moment longer than the program that it belongs to. */
async function gone(family: readonly number[], withinMs = 5_000): Promise<void> {
  const commandOf = (pid: number) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "ended");
  await until(
    async () => Promise.all((await living(family)).map(commandOf)),
    (left) => left.length === 0,
    { withinMs },
  );
}

describe("watchpost start", () => {
  let dir: Awaited<ReturnType<typeof tempDir>>;
  let options: AllInOneOptions;
  const runs: AllInOne[] = [];
  const run = (changed: Partial<AllInOneOptions> = {}): AllInOne => {
    const all = runAllInOne({ ...options, ...changed });
    runs.push(all);
    return all;
  };

  beforeAll(async () => {
    dir = await tempDir();
    options = { dataDir: join(dir.path, "data"), port: await freePort() };
  });
  afterAll(async () => {
    for (const all of runs) killAll(await living(await all.family()));
    await dir.remove();
  });

  let first: AllInOne;
  let monitors: MonitorView[];

  test("shows a newcomer true results from three regions", { timeout: 90_000 }, async () => {
    first = run();
    await first.running();
    expect(first.output()).toContain(`http://127.0.0.1:${options.port}`);
    expect(first.output()).toMatch(/wpa_\w{43}/);
    expect((await stat(join(options.dataDir, "admin-token"))).mode & 0o777).toBe(0o600);
    monitors = await monitorsOf(first);
    expect(monitors.map(({ name }) => name).sort()).toEqual(
      ["Demo: TCP port", "Demo: down", "Demo: flaky", "Demo: healthy", "Demo: slow"].sort(),
    );
    for (const { id } of monitors) {
      await until(
        () => regionsSeen(first, id),
        (seen) => seen.length === 3,
      );
      expect(await regionsSeen(first, id)).toEqual(regions);
    }
    const verdicts = async () =>
      Object.fromEntries((await monitorsOf(first)).map(({ name, status }) => [name, status.verdict]));
    const expected = {
      "Demo: healthy": "up",
      "Demo: slow": "degraded",
      "Demo: down": "down",
      "Demo: TCP port": "up",
      "Demo: flaky": expect.any(String),
    };
    await until(verdicts, ({ "Demo: flaky": _, ...steady }) => !Object.values(steady).includes("unknown"));
    expect(await verdicts()).toEqual(expected);
  });

  test("runs its agents from one file and with little memory", async () => {
    const commands = await Promise.all((await first.family()).map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8")));
    const agents = commands.filter((command) => command.includes("dist/agent.js"));
    expect(agents).toHaveLength(regions.length);
    for (const command of agents) expect(command).toContain("--max-semi-space-size=2");
  });

  test("refuses a data directory in use and a busy port in one line", async () => {
    const inUse = run({ port: await freePort() });
    expect(await inUse.exited).toBe(2);
    expect(inUse.output()).toMatch(/^watchpost: .*in use by process \d+.*\n$/);
    const busy = run({ dataDir: join(dir.path, "other") });
    expect(await busy.exited).toBe(2);
    expect(busy.output()).toMatch(new RegExp(`^watchpost: .*port ${options.port}.*\\n$`));
  });

  test("refuses a place where it cannot write, and a Node that is too old, in one line", async () => {
    const file = join(dir.path, "file");
    await writeFile(file, "");
    for (const refused of [file, join(file, "data"), "/proc/watchpost"].map((dataDir) => run({ dataDir }))) {
      expect(await refused.exited).toBe(2);
      expect(refused.output()).toMatch(/^watchpost: the data directory .*\n$/);
    }
    const pretend = 'Object.defineProperty(process.versions, "node", { value: "18.20.8" })';
    const old = run({ env: { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(pretend)}` } });
    expect(await old.exited).toBe(2);
    expect(old.output()).toMatch(/^watchpost: needs Node 20\.19.*18\.20\.8.*\n$/);
  });

  test("starts again what dies, and goes on", { timeout: 90_000 }, async () => {
    const id = monitors[0]?.id ?? "";
    const seen = await checksOf(first, id);
    const [parent, ...children] = await first.family();
    killAll(children);
    await until(
      () => checksOf(first, id).catch(() => seen),
      (now) => [...now].filter((check) => !seen.has(check)).length >= regions.length,
      { withinMs: 60_000 },
    );
    for (const who of ["PostgreSQL", "ClickHouse", "redis-server", "the coordinator", "the agent in eu-west"]) {
      expect(first.output()).toContain(`${who} ended (signal SIGKILL); starting it again`);
    }
    expect(await living([parent ?? 0, ...children])).toEqual([parent]);
  });

  test("stops within 5 s and leaves no process", async () => {
    const family = await first.family();
    expect(family.length).toBeGreaterThan(8);
    const began = performance.now();
    // As when npm passes on what the terminal has sent already.
    process.kill(first.pid, "SIGTERM");
    process.kill(first.pid, "SIGINT");
    expect(await first.exited).toBe(0);
    expect(performance.now() - began).toBeLessThan(5_000);
    await gone(family);
  });

  test("goes on with all data, and its children end when it is killed", { timeout: 90_000 }, async () => {
    const second = run();
    await second.running();
    expect(second.output()).not.toMatch(/wpa_\w{43}/);
    const [monitor] = monitors;
    const id = monitor?.id ?? "";
    expect((await monitorsOf(second)).map(({ name }) => name).sort()).toEqual(monitors.map(({ name }) => name).sort());
    const kept = await checksOf(second, id);
    expect(kept.size).toBeGreaterThan(0);
    await until(
      () => checksOf(second, id),
      (now) => now.size > kept.size,
    );
    // What was well before is not found down because Watchpost was started before what it watches.
    const incidents = await second.call<{ data: Array<{ monitorName: string }> }>("/v1/incidents?limit=1000");
    const told = new Set(incidents.data.map(({ monitorName }) => monitorName));
    expect([...told].filter((name) => ["Demo: healthy", "Demo: TCP port"].includes(name))).toEqual([]);

    const family = await second.family();
    killAll([second.pid]);
    // They have to notice, and nobody is promised how soon.
    await gone(family, 30_000);
  });

  test("loses no stored result when everything is killed", { timeout: 90_000 }, async () => {
    const third = run();
    await third.running();
    const id = monitors[0]?.id ?? "";
    const early = await checksOf(third, id);
    const stored = await until(
      () => checksOf(third, id),
      (now) => now.size > early.size,
    );
    killAll(await third.family());
    await third.exited;

    const fourth = run();
    await fourth.running();
    const kept = await checksOf(fourth, id);
    expect([...stored].filter((check) => !kept.has(check))).toEqual([]);
    const family = await fourth.family();
    process.kill(fourth.pid, "SIGINT");
    expect(await fourth.exited).toBe(0);
    await gone(family);
  });

  test("runs as an ordinary user and without Redis, and makes no demo when told so", { timeout: 90_000 }, async () => {
    const path = join(dir.path, "bin");
    await mkdir(path);
    for (const name of ["setpriv", "test", "unshare"]) {
      const found = process.env.PATH?.split(delimiter).find((part) => existsSync(join(part, name)));
      if (found) await symlink(join(found, name), join(path, name));
    }
    const home = join(dir.path, "home");
    await mkdir(home);
    await chmod(dir.path, 0o711);
    if (ordinaryUser.length > 0) await chown(home, 65_534, 65_534);
    const all = run({
      dataDir: join(home, "data"),
      port: await freePort(),
      args: ["--no-demo"],
      env: { PATH: path },
      prefix: ordinaryUser,
    });
    await all.running();
    expect(all.output()).toMatch(/queues +in PostgreSQL/);
    expect(await monitorsOf(all)).toEqual([]);
    const { id } = await all.call<MonitorView>("/v1/monitors", {
      name: "Itself",
      type: "http",
      interval: "5s",
      http: { url: `http://127.0.0.1:${new URL(all.url).port}/healthz` },
    });
    await until(
      () => regionsSeen(all, id),
      (seen) => seen.length === 3,
    );
    const family = await all.family();
    process.kill(all.pid, "SIGTERM");
    expect(await all.exited).toBe(0);
    await gone(family);
  });
});
