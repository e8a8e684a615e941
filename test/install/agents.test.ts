import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Agent, fetch } from "undici";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { makeRelease } from "../../install/agent-release/release.ts";
import { newSecret } from "../../shared/id.ts";
import { executableName, type ReleaseArchitecture } from "../../shared/release.ts";
import { testAuthority } from "../support/certificates.ts";
import { adminToken } from "../support/coordinator.ts";
import { type Internet, startInternet } from "../support/internet.ts";
import { type Machine, startMachine, trust, whyNoMachines } from "../support/machine.ts";
import { type ProgramProcess, startProgram } from "../support/program-process.ts";
import { startProxy } from "../support/proxy.ts";
import { freePort } from "../support/servers.ts";
import { testClickHouse, testDatabase, testQueueServer } from "../support/shared-servers.ts";
import { tempDir } from "../support/temp-dir.ts";
import { until } from "../support/until.ts";
import { layOutFakeRelease } from "./fake-release.ts";

const regions = ["ap-south", "eu-west", "us-east"] as const;
type Region = (typeof regions)[number];
const arch = process.arch as ReleaseArchitecture;
const versions = { first: "1.0.0", second: "1.0.1", tampered: "1.0.2", broken: "1.0.3" } as const;

const why = await whyNoMachines();
if (why !== null) console.log(`Left out, since no machine with systemd can be booted here: ${why}`);

describe.skipIf(why !== null)("agents on three machines with systemd", { timeout: 120_000 }, () => {
  const stops: Array<() => unknown> = [];
  const began = performance.now();
  const story: string[] = [];
  const tell = (what: string) =>
    story.push(`${((performance.now() - began) / 1_000).toFixed(1).padStart(6)} s  ${what}`);

  let internet: Internet;
  let coordinator: ProgramProcess;
  let releases: string;
  let url: string;
  let dispatcher: Agent;
  let proxy: Awaited<ReturnType<typeof startProxy>>;
  const machines = {} as Record<Region, Machine>;
  const bare = {} as Record<Region, Record<string, string>>;
  const lines = {} as Record<Region, string>;
  let monitor: string;

  const later = <T>(made: T, stop: (made: T) => unknown): T => {
    stops.unshift(() => stop(made));
    return made;
  };

  async function call(method: string, path: string, body?: object): Promise<any> {
    const response = await fetch(url + path, {
      method,
      dispatcher,
      headers: { authorization: `Bearer ${adminToken}`, ...(body && { "content-type": "application/json" }) },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === "" ? null : JSON.parse(text);
  }

  beforeAll(async () => {
    const data = later(await tempDir(), ({ remove }) => remove());
    releases = join(data.path, "releases");
    internet = later(await startInternet({ places: regions.length, targets: 1 }), ({ stop }) => stop());
    const authority = testAuthority();
    const [postgres, clickhouse, queues] = await Promise.all([
      testDatabase(),
      testClickHouse(),
      testQueueServer("redis"),
      makeRelease(releases, versions.first, [arch], 1),
      ...regions.map(async (region, n) => {
        const machine = later(await startMachine({ net: internet.places[n]?.net as string }), ({ stop }) => stop());
        await trust(machine, authority.cert);
        bare[region] = await machine.changes();
        machines[region] = machine;
      }),
    ]);
    later(null, () => Promise.all([postgres.stop(), clickhouse.stop(), queues.stop()]));
    tell("three machines run, and a release is built");

    dispatcher = later(new Agent({ connect: { ca: authority.cert } }), (agent) => agent.close());
    const { cert, key } = authority.issue({ names: [internet.home] });
    const files = { TLS_CERT: join(data.path, "cert.pem"), TLS_KEY: join(data.path, "key.pem") };
    await Promise.all([writeFile(files.TLS_CERT, cert), writeFile(files.TLS_KEY, key)]);
    proxy = later(await startProxy(internet.home), ({ stop }) => stop());
    const port = await freePort();
    url = `https://${internet.home}:${port}`;
    coordinator = later(
      startProgram("coordinator/main.js", {
        HOST: internet.home,
        PORT: String(port),
        ...files,
        DATABASE_URL: postgres.url,
        CLICKHOUSE_URL: clickhouse.url,
        REDIS_URL: queues.url,
        WATCHPOST_ADMIN_TOKEN: adminToken,
        WATCHPOST_AGENT_RELEASES: releases,
        WATCHPOST_PUBLIC_URL: url,
        WATCHPOST_DATA: join(data.path, "coordinator"),
      }),
      (one) => one.end("SIGKILL"),
    );
    await until(
      () =>
        fetch(`${url}/readyz`, { dispatcher }).then(
          ({ ok }) => ok,
          () => false,
        ),
      (isReady) => isReady,
    ).catch((thrown) => {
      throw new Error(`${thrown.message}\n${coordinator.output()}`);
    });
    const target = internet.targets[0] as string;
    const http = { url: `http://${target}/` };
    ({ id: monitor } = await call("POST", "/v1/monitors", {
      name: "Shop",
      type: "http",
      interval: "1s",
      timeout: "1s",
      http,
    }));
    tell("the coordinator runs");
  }, 180_000);
  afterAll(async () => {
    for (const stop of stops) await stop();
    console.log(story.join("\n"));
  });
  afterEach(async ({ task }) => {
    tell(`— ${task.result?.state === "fail" ? "FAILED" : "passed"}: ${task.name}`);
    if (task.result?.state !== "fail") return;
    for (const machine of Object.values(machines))
      story.push(await machine.must("journalctl --no-pager -u 'watchpost*' | tail -n 40"));
  });

  /** The line that an operator gets, with its token on the machine; `sudo` need not be there for root. */
  async function printedLine(region: Region): Promise<string> {
    const { line, token } = await call("POST", "/v1/enrollment-tokens", { region });
    await machines[region].write("/run/token", `${token}\n`, "600");
    return `sudo() { "$@"; }; ${line}`;
  }
  /** One region has a proxy before it. */
  const paste = (region: Region, more = "") =>
    machines[region].run(`${lines[region]} ${more}`, {
      env: { WATCHPOST_ENROLLMENT_TOKEN_FILE: "/run/token", ...(region === "us-east" && { https_proxy: proxy.url }) },
    });
  const upgrade = (region: Region, more: string) =>
    machines[region].run(`/opt/watchpost-agent/install.sh --upgrade ${more}`, { withinMs: 110_000 });
  const property = async (region: Region, name: string) =>
    (await machines[region].must(`systemctl show --property ${name} --value watchpost-agent`)).trim();
  const journal = (region: Region) => machines[region].must("journalctl --no-pager --output cat -u watchpost-agent");
  const idOf = async (region: Region) =>
    (await machines[region].must("grep -o 'agt_[0-9a-z]*' /etc/watchpost-agent/credential")).trim();
  const agentOf = async (region: Region) => call("GET", `/v1/agents/${await idOf(region)}`);
  const lastResult = async (region: Region): Promise<number> => {
    const { data } = await call("GET", `/v1/monitors/${monitor}/results?region=${region}&limit=1`);
    return data.length === 0 ? 0 : Date.parse(data[0].scheduledAt);
  };
  /** Results of checks that are scheduled from now on. */
  async function resultsFlow(region: Region, withinMs: number): Promise<void> {
    const from = Date.now();
    await until(
      () => lastResult(region),
      (at) => at >= from,
      { withinMs },
    );
    tell(`results of ${region} flow after ${((Date.now() - from) / 1_000).toFixed(1)} s`);
  }

  test("the printed line makes each a region, whose results flow within 10 s", async () => {
    await Promise.all(
      regions.map(async (region) => {
        lines[region] = await printedLine(region);
        // Its only target is within this machine.
        await machines[region].write(
          "/etc/systemd/system/watchpost-agent.service.d/test.conf",
          "[Service]\nEnvironment=WATCHPOST_ALLOW_PRIVATE_ADDRESSES=true\n",
        );
        const { code, out, err } = await paste(region);
        expect({ code, err }).toEqual({ code: 0, err: "" });
        expect(out).toMatch(new RegExp(`watchpost-agent ${versions.first} runs as agt_[0-9a-z]{20} in ${region}\n$`));
        expect(await property(region, "ActiveState")).toBe("active");
        expect(await property(region, "StatusText")).not.toBe("");
        await resultsFlow(region, 10_000);
        expect(await agentOf(region)).toMatchObject({ region, version: versions.first, online: true });
      }),
    );
    const connections = await machines["us-east"].must("ss -Htn state established");
    expect(connections).toContain(new URL(proxy.url).host);
    expect(connections).not.toContain(new URL(url).host);
  });

  test("a monitor has a verdict from all three regions", async () => {
    const { status } = await until(
      () => call("GET", `/v1/monitors/${monitor}`),
      ({ status }) => status.verdict === "up" && Object.keys(status.regions).length === regions.length,
    );
    for (const region of regions) expect(status.regions[region]).toMatchObject({ status: "up", statusCode: 200 });
  });

  test("the line again changes nothing", async () => {
    const [before, pid] = [await machines["eu-west"].changes(), await property("eu-west", "MainPID")];
    expect((await paste("eu-west")).out).toMatch(/is installed and runs: nothing was changed\n$/);
    expect(steady(await machines["eu-west"].changes())).toEqual(steady(before));
    expect(await property("eu-west", "MainPID")).toBe(pid);
  });

  test("a token works once, and says why it does not", async () => {
    const region = "us-east";
    const before = await machines[region].changes();
    await machines[region].write("/run/unknown", newSecret("wpe"));
    const { id, token } = await call("POST", "/v1/enrollment-tokens", { region });
    await call("DELETE", `/v1/enrollment-tokens/${id}`);
    await machines[region].write("/run/revoked", token);
    for (const [file, line] of [
      ["token", /This enrolment token was used already, and each works once/],
      ["unknown", /This enrolment token is not known here/],
      ["revoked", /This enrolment token was revoked/],
    ] as const) {
      const { code, err } = await paste(region, `--reenroll --token-file /run/${file}`);
      expect({ code, err }).toEqual({ code: 10, err: expect.stringMatching(line) });
    }
    expect(steady(await machines[region].changes())).toEqual(steady(before));
  });

  test("an agent that is killed is back within 5 s", async () => {
    const id = await until(
      () => property("eu-west", "MainPID"),
      (pid) => pid !== "0",
    );
    await machines["eu-west"].must(`kill -KILL ${id}`);
    await until(
      async () => [await property("eu-west", "ActiveState"), await property("eu-west", "MainPID")],
      ([state, pid]) => state === "active" && pid !== id && pid !== "0",
      { withinMs: 5_000 },
    );
    tell("it is back");
    await resultsFlow("eu-west", 10_000);
  });

  test("a frozen agent is started again by its watchdog", async () => {
    await machines["ap-south"].write(
      "/etc/systemd/system/watchpost-agent.service.d/watchdog.conf",
      "[Service]\nWatchdogSec=6\nTimeoutAbortSec=1\n",
    );
    await machines["ap-south"].must("systemctl daemon-reload; systemctl restart watchpost-agent");
    const id = await until(
      () => property("ap-south", "MainPID"),
      (pid) => pid !== "0",
    );
    await machines["ap-south"].must(`kill -STOP ${id}`);
    await until(
      async () => [await property("ap-south", "ActiveState"), await property("ap-south", "MainPID")],
      ([state, pid]) => state === "active" && pid !== id && pid !== "0",
    );
    expect(await machines["ap-south"].must("journalctl --no-pager -u watchpost-agent")).toMatch(/Watchdog timeout/);
    await resultsFlow("ap-south", 10_000);
  });

  test("a download that was tampered with is refused, and nothing is changed", async () => {
    await makeRelease(releases, versions.second, [arch], 1);
    await layOutFakeRelease(releases, versions.tampered, "ready");
    const file = join(releases, versions.tampered, executableName(arch));
    const content = await readFile(file);
    await writeFile(file, content.fill((content.at(-9) as number) ^ 1, content.length - 9, content.length - 8));
    const before = await machines["us-east"].changes();
    const { code, err } = await upgrade("us-east", `--version ${versions.tampered}`);
    expect({ code, err }).toEqual({
      code: 11,
      err: expect.stringMatching(/is not what the manifest says: nothing was changed/),
    });
    expect(steady(await machines["us-east"].changes())).toEqual(steady(before));
  });

  test("an operator's upgrade is asked of the agent, done by root, and told", async () => {
    const { id } = await call("POST", "/v1/agent-upgrades", { region: "eu-west", version: versions.second });
    const { state, agents } = await until(
      () => call("GET", `/v1/agent-upgrades/${id}`),
      ({ state }) => state !== "running",
      { withinMs: 90_000 },
    );
    expect({ state, agents }).toMatchObject({ state: "done", agents: [{ from: versions.first, state: "done" }] });
    expect(await agentOf("eu-west")).toMatchObject({ version: versions.second, online: true });
    await resultsFlow("eu-west", 10_000);
  });

  test("a release whose agent does not become ready is taken back", async () => {
    await layOutFakeRelease(releases, versions.broken, "unready");
    const { code, err } = await upgrade("eu-west", "--patience 3");
    expect({ code, err }).toEqual({
      code: 13,
      err: expect.stringMatching(/1\.0\.3 was taken back, for it is not ready: .*; 1\.0\.1 runs again/),
    });
    await resultsFlow("eu-west", 10_000);
    expect(await agentOf("eu-west")).toMatchObject({ version: versions.second, online: true });
  });

  test("an agent that is revoked is cut off, keeps quiet, and can be enrolled anew", async () => {
    const region = "ap-south";
    const id = await idOf(region);
    await call("DELETE", `/v1/agents/${id}`);
    const revokedAt = Date.now();
    await until(
      () => lastResult(region),
      (at) => at < Date.now() - 3_000,
    );
    expect(await lastResult(region)).toBeLessThan(revokedAt + 3_000);
    const [before, restarts] = [await journal(region), await property(region, "NRestarts")];
    // Long enough for a hot loop to show, and nothing else can be awaited.
    await until(
      () => Date.now(),
      (now) => now > revokedAt + 12_000,
    );
    const said = (await journal(region)).split("\n").length - before.split("\n").length;
    tell(`a revoked agent wrote ${said} lines in some seconds`);
    expect(said).toBeLessThan(20);
    expect(await property(region, "NRestarts")).toBe(restarts);

    lines[region] = await printedLine(region);
    const { code, err } = await paste(region, `--version ${versions.second} --reenroll`);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(await idOf(region)).not.toBe(id);
    await resultsFlow(region, 10_000);
  });

  test("nothing is left of an agent that was removed", async () => {
    await Promise.all(
      regions.map(async (region) => {
        const { code, out } = await machines[region].run("/opt/watchpost-agent/install.sh --uninstall");
        expect({ code, out }).toEqual({ code: 0, out: expect.stringMatching(/^watchpost-agent is removed; /) });
        expect(await machines[region].changes()).toEqual(bare[region]);
      }),
    );
    await until(
      async () => (await call("GET", "/v1/agents")).data,
      (agents) => agents.every(({ online }: any) => !online),
    );
  });
});

/** What a running agent does not write itself. */
function steady(changes: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(changes).filter(([path]) => !path.startsWith("/var/lib/private/watchpost-agent")),
  );
}
