import { createHash } from "node:crypto";
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeRelease } from "../../install/agent-release/release.ts";
import { executableName, formatManifest, parseManifest, type ReleaseArchitecture } from "../../shared/release.ts";
import { watchpost } from "../support/cli.ts";
import { adminToken, startTestCoordinator, type TestCoordinator } from "../support/coordinator.ts";
import { startInternet } from "../support/internet.ts";
import { type Machine, startMachine, whyNoMachines } from "../support/machine.ts";
import { freePort } from "../support/servers.ts";
import { tempDir } from "../support/temp-dir.ts";
import { until } from "../support/until.ts";
import { fakeAgent } from "./fake-agent.ts";

const region = "eu-west";
const arch = process.arch as ReleaseArchitecture;
const why = await whyNoMachines();
if (why !== null) console.log(`Left out, since no machine with systemd can be booted here: ${why}`);

/** Two real servers of one region, upgraded by their operator's word alone. Takes minutes: agents are watched for their time. */
describe.skipIf(why !== null)("a region's agents on machines with systemd", () => {
  const stops: Array<() => Promise<unknown>> = [];
  const machines: Machine[] = [];
  let releases: string;
  let coordinator: TestCoordinator;
  let monitor: string;

  const later = <T>(made: T, stop: (made: T) => Promise<unknown>): T => {
    stops.unshift(() => stop(made));
    return made;
  };

  beforeAll(async () => {
    const dir = later(await tempDir(), (one) => one.remove());
    releases = join(dir.path, "releases");
    const internet = later(await startInternet({ places: 2, targets: 1 }), (one) => one.stop());
    await makeRelease(releases, "1.0.0", [arch], 1);
    const port = await freePort();
    const publicUrl = `http://${internet.home}:${port}`;
    // Agents reach the queues through the coordinator: there is no other way to them.
    coordinator = later(
      await startTestCoordinator("redis", { host: "0.0.0.0", port, publicUrl, agentReleases: releases }),
      (one) => one.stop(),
    );
    const { body } = await coordinator.call("POST", "/v1/monitors", {
      name: "Shop",
      type: "http",
      interval: "1s",
      timeout: "1s",
      regions: [region],
      http: { url: `http://${internet.targets[0]}/` },
    });
    monitor = body.id;
    for (const { net } of internet.places) {
      const machine = later(await startMachine({ net }), (one) => one.stop());
      machines.push(machine);
      const { body: made } = await coordinator.call("POST", "/v1/enrollment-tokens", { region });
      await machine.write("/run/token", made.token, "600");
      await machine.write(
        "/etc/systemd/system/watchpost-agent.service.d/test.conf",
        "[Service]\nEnvironment=WATCHPOST_ALLOW_PRIVATE_ADDRESSES=true\n",
      );
      await machine.must(`sudo() { "$@"; }; ${made.line}`, {
        env: { WATCHPOST_ENROLLMENT_TOKEN_FILE: "/run/token" },
        withinMs: 120_000,
      });
    }
  }, 300_000);
  afterAll(async () => {
    for (const stop of stops) await stop();
  }, 60_000);

  const versions = () =>
    Promise.all(machines.map(async (one) => (await one.must("readlink /opt/watchpost-agent/current")).trim()));
  const upgrade = (...args: string[]) =>
    watchpost(["agents", "upgrade", "--region", region, ...args], {
      WATCHPOST_URL: coordinator.url,
      WATCHPOST_TOKEN: adminToken,
    });
  async function resultsFlow(): Promise<void> {
    const from = Date.now();
    await until(
      async () => (await coordinator.call("GET", `/v1/monitors/${monitor}/results?limit=1`)).body.data[0],
      (newest) => newest !== undefined && Date.parse(newest.scheduledAt) >= from,
    );
  }

  test("become a new version one after the other, and no check is left out", async () => {
    await resultsFlow();
    const from = new Date().toISOString();
    await makeRelease(releases, "1.0.1", [arch], 1);
    const { code, out, err } = await upgrade();
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out.match(/: done$/gm)).toHaveLength(2);
    expect(await versions()).toEqual(["releases/1.0.1", "releases/1.0.1"]);
    await resultsFlow();
    const to = new Date(Date.now() - 5_000).toISOString();
    const { body } = await until(
      () => coordinator.call("GET", `/v1/monitors/${monitor}/stats?from=${from}&to=${to}`),
      ({ body }) => body.total.coverage === 1,
    );
    expect(body.total).toMatchObject({ coverage: 1 });
  }, 300_000);

  test("stay as they are when the first of them cannot run the new version", async () => {
    const folder = join(releases, "1.0.2");
    await cp(join(releases, "1.0.1"), folder, { recursive: true });
    const content = gzipSync(fakeAgent("1.0.2", "ends"));
    await writeFile(join(folder, executableName(arch)), content);
    const { files } = parseManifest(await readFile(join(folder, "manifest"), "utf8"));
    const sha256 = createHash("sha256").update(content).digest("hex");
    const changed = { name: executableName(arch), sha256, size: content.length };
    const manifest = { version: "1.0.2", files: files.map((file) => (file.name === changed.name ? changed : file)) };
    await writeFile(join(folder, "manifest"), formatManifest(manifest));

    const { code, err } = await upgrade("--version", "1.0.2");
    expect(code).toBe(1);
    expect(err).toMatch(/the upgrade has failed: agt_[0-9a-z]{20}: 1\.0\.1 runs again: /);
    expect(await versions()).toEqual(["releases/1.0.1", "releases/1.0.1"]);
    await resultsFlow();
    const { body } = await coordinator.call("GET", "/v1/agents");
    expect(body.data.map(({ version, online }: any) => [version, online])).toEqual([
      ["1.0.1", true],
      ["1.0.1", true],
    ]);
  }, 300_000);
});
