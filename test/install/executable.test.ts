import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bundleAgent, makeBlob, makeExecutable } from "../../install/agent-release/executable.ts";
import { nodeDistribution, pinnedNode } from "../../install/agent-release/node-distribution.ts";
import type { ReleaseArchitecture } from "../../shared/release.ts";
import { queueEnv } from "../support/agent-process.ts";
import { agentToken } from "../support/coordinator.ts";
import { type LinkServer, startLinkServer } from "../support/link-server.ts";
import { familyOf, killAll, living } from "../support/process-family.ts";
import { startExecutable } from "../support/program-process.ts";
import { startTestRedis, type TestServer } from "../support/servers.ts";
import { tempDir } from "../support/temp-dir.ts";
import { until } from "../support/until.ts";

const arch = process.arch as ReleaseArchitecture;
const execute = promisify(execFile);

describe.runIf(process.platform === "linux")("the agent in one executable", () => {
  let dir: Awaited<ReturnType<typeof tempDir>>;
  let executable: string;

  beforeAll(async () => {
    dir = await tempDir();
    executable = join(dir.path, "watchpost-agent");
    await bundleAgent(join(dir.path, "agent.cjs"), "1.2.3-test");
    await makeBlob(dir.path, "agent.cjs", "blob", await nodeDistribution(arch));
    await makeExecutable(executable, join(dir.path, "blob"), arch);
  }, 180_000);
  afterAll(() => dir.remove());

  const run = (...args: string[]) =>
    execute(executable, args, { env: {} }).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
    );

  test("says its version and what it can do", async () => {
    expect(await run("--version")).toEqual({ code: 0, stdout: "1.2.3-test\n", stderr: "" });
    const { code, stdout } = await run("--help");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Usage: watchpost-agent[\s\S]*WATCHPOST_REGION/);
  });

  test("refuses a call that is wrong, and to run without its settings, with exit code 2", async () => {
    expect(await run("walk")).toMatchObject({ code: 2, stderr: expect.stringContaining('"walk" is no command') });
    expect(await run("run", "--fast")).toMatchObject({ code: 2 });
    expect(await run()).toMatchObject({ code: 2, stderr: "watchpost: WATCHPOST_REGION must be set\n" });
  });

  test("is made of the same bytes when it is made again", async () => {
    const again = await tempDir();
    await bundleAgent(join(again.path, "agent.cjs"), "1.2.3-test");
    await makeBlob(again.path, "agent.cjs", "blob", await nodeDistribution(arch));
    const [first, second] = await Promise.all([dir, again].map(({ path }) => readFile(join(path, "blob"))));
    expect(second?.equals(first as Buffer)).toBe(true);
    await again.remove();
  });

  describe("at work", () => {
    let redis: TestServer;
    let link: LinkServer;
    beforeAll(async () => {
      redis = await startTestRedis();
      link = await startLinkServer(agentToken);
    });
    afterAll(async () => {
      await link.stop();
      await redis.stop();
    });

    test("runs as several processes with the Node and the options inside, and stops as one", async () => {
      const { port, password } = new URL(redis.url);
      const options = { host: "127.0.0.1", port: Number(port), password };
      const agent = startExecutable(executable, [], {
        WATCHPOST_COORDINATOR_URL: link.url,
        WATCHPOST_AGENT_TOKEN: agentToken,
        WATCHPOST_REGION: "eu-west",
        WATCHPOST_AGENT_ID: "agt",
        WATCHPOST_AGENT_PROCESSES: "2",
        WATCHPOST_AGENT_SPOOL_DIR: join(dir.path, "spool"),
        WATCHPOST_HEALTH_PORT: "0",
        ...queueEnv({ kind: "redis", options, prefix: "watchpost" }),
      });
      try {
        await until(agent.output, (output) => output.includes("All processes of the agent run"));
        const family = await familyOf(agent.pid);
        expect(family).toHaveLength(2);
        expect(agent.output().match(/BullMQ worker is ready/g)).toHaveLength(2);
        const hellos = link.messages.filter((message) => message.type === "hello");
        expect(hellos.map(({ agentId }) => agentId).sort()).toEqual(["agt-1", "agt-2"]);
        expect(hellos[0]).toMatchObject({ version: "1.2.3-test", node: `v${pinnedNode.version}` });
        expect(await agent.end("SIGTERM")).toBe(0);
        expect(await living(family)).toEqual([]);
      } finally {
        killAll(await familyOf(agent.pid));
        await agent.end("SIGKILL");
      }
    });
  });
});
