import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { AgentConfig } from "../../agent/config.ts";
import { createAgentProcesses } from "../../agent/processes.ts";
import { type AgentProcess, startAgentProcess } from "../support/agent-process.ts";
import { agentToken } from "../support/coordinator.ts";
import { type LinkServer, startLinkServer } from "../support/link-server.ts";
import { familyOf, killAll } from "../support/process-family.ts";
import { startTestRedis, type TestServer } from "../support/servers.ts";
import { tempDir } from "../support/temp-dir.ts";
import { until } from "../support/until.ts";

describe("an agent that systemd started", () => {
  let redis: TestServer;
  let link: LinkServer;
  let dir: Awaited<ReturnType<typeof tempDir>>;
  let agent: AgentProcess;

  beforeEach(async () => {
    redis = await startTestRedis();
    link = await startLinkServer(agentToken);
    dir = await tempDir();
    const notify = join(dir.path, "systemd-notify");
    await writeFile(notify, `#!/bin/sh\necho "$PPID" "$@" >> ${join(dir.path, "said")}\n`);
    await chmod(notify, 0o755);
  });
  afterEach(async () => {
    killAll(await familyOf(agent.pid));
    await agent.end("SIGKILL");
    await link.stop();
    await redis.stop();
    await dir.remove();
  });

  const said = async () =>
    (await readFile(join(dir.path, "said"), "utf8").catch(() => "")).split("\n").filter((line) => line !== "");

  test.each([1, 2])("with %i processes says when it fetches, that it goes on, and when it stops", async (processes) => {
    const { port, password } = new URL(redis.url);
    const options = { host: "127.0.0.1", port: Number(port), password };
    agent = startAgentProcess(
      { url: link.url, queueServer: { kind: "redis", options, prefix: "watchpost" } },
      "eu-west",
      "agt",
      {
        PATH: `${dir.path}:${process.env.PATH}`,
        NOTIFY_SOCKET: "@nobody",
        WATCHDOG_USEC: "1500000",
        WATCHPOST_AGENT_PROCESSES: String(processes),
      },
      { program: "agent.js" },
    );
    const lines = await until(said, ({ length }) => length >= 3);
    for (const line of lines) expect(line).toMatch(new RegExp(`^${agent.pid} READY=1 WATCHDOG=1 STATUS=`));
    expect(lines.at(-1)).toContain(processes === 1 ? "STATUS=linked, taking, 0 checks" : "2 of 2 processes run");
    expect(await agent.end("SIGTERM")).toBe(0);
    expect((await said()).at(-1)).toBe(`${agent.pid} STOPPING=1`);
  });

  test("does not say that it fetches before it has", async () => {
    agent = startAgentProcess(
      { url: link.url, queueServer: { kind: "redis", options: { host: "127.0.0.1", port: 1 }, prefix: "watchpost" } },
      "eu-west",
      "agt",
      { PATH: `${dir.path}:${process.env.PATH}`, NOTIFY_SOCKET: "@nobody", WATCHDOG_USEC: "1500000" },
      { program: "agent.js" },
    );
    await until(agent.output, (output) => output.includes("Waiting for the queue server"));
    expect(await said()).toEqual([]);
  });
});

describe("a process of several that is stuck", () => {
  test("is killed and started again", async () => {
    const dir = await tempDir();
    const starts = join(dir.path, "starts");
    const module = join(dir.path, "stuck.mjs");
    await writeFile(
      module,
      `import { appendFileSync } from "node:fs";
       appendFileSync(${JSON.stringify(starts)}, "x");
       process.send({ type: "started" }, () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));`,
    );
    const config = {
      region: "eu-west",
      agentId: "agt",
      processes: 1,
      spoolDir: join(dir.path, "spool"),
      healthPort: 0,
      logLevel: "silent",
    } as unknown as AgentConfig;
    const agents = createAgentProcesses(config, {
      program: { module, execArgv: [] },
      env: { PATH: process.env.PATH },
      supervisor: null,
      patienceMs: 200,
    });
    await agents.start();
    await until(
      () => readFile(starts, "utf8"),
      (text) => text.length === 2,
    );
    await agents.stop();
    await dir.remove();
  });
});
