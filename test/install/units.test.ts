import { execFile } from "node:child_process";
import { copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { tempDir } from "../support/temp-dir.ts";

const execute = promisify(execFile);
const folder = "install/systemd";
const analyze = await execute("systemd-analyze", ["--version"]).then(
  () => true,
  () => false,
);

describe.runIf(analyze)("the systemd units", () => {
  let dir: Awaited<ReturnType<typeof tempDir>>;
  beforeEach(async () => {
    dir = await tempDir();
  });
  afterEach(() => dir.remove());

  /** How exposed a unit is, from 0 to 10, as systemd counts it. */
  async function exposure(unit: string, ...dropIns: string[]): Promise<number> {
    const parts = await Promise.all([unit, ...dropIns].map((name) => readFile(join(folder, name), "utf8")));
    const file = join(dir.path, unit);
    await writeFile(file, parts.join("\n"));
    const { stdout } = await execute("systemd-analyze", ["security", "--offline=true", "--no-pager", file]);
    return Number(/Overall exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1]);
  }

  test("leave the agent little to do harm with, also with raw sockets", async () => {
    expect(await exposure("watchpost-agent.service")).toBeLessThanOrEqual(1.5);
    expect(await exposure("watchpost-agent.service", "raw-sockets.conf")).toBeLessThanOrEqual(1.8);
    expect(await exposure("watchpost-coordinator.service")).toBeLessThanOrEqual(1.5);
    expect(await exposure("watchpost-agent-upgrade.service")).toBeLessThanOrEqual(3);
  });

  test("are understood by systemd, but for what only newer ones know", async () => {
    const units = (await readdir(folder)).filter((name) => !name.endsWith(".conf"));
    for (const unit of units) await copyFile(join(folder, unit), join(dir.path, unit));
    const dropIns = join(dir.path, "watchpost-agent.service.d");
    await mkdir(dropIns);
    await copyFile(join(folder, "raw-sockets.conf"), join(dropIns, "raw-sockets.conf"));
    const files = units.map((unit) => join(dir.path, unit));
    const { stderr } = await execute("systemd-analyze", ["verify", "--man=no", ...files]).catch((thrown) => thrown);
    const complaints = String(stderr)
      .split("\n")
      .filter((line) => /watchpost/.test(line))
      .filter((line) => !/Unknown key '(RestartSteps|RestartMaxDelaySec)'/.test(line))
      // Neither program is installed here.
      .filter((line) => !/Command \S+ is not executable: No such file or directory/.test(line));
    expect(complaints).toEqual([]);
  });
});
