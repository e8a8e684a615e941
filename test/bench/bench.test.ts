import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const main = fileURLToPath(new URL("../../dist/test/bench/main.js", import.meta.url));
const bench = (...args: string[]) => promisify(execFile)(process.execPath, [main, ...args], { timeout: 110_000 });

const expected = {
  pipeline: {
    figures: [
      "checksPerSecond",
      "coverage",
      "latenessP50Ms",
      "latenessP99Ms",
      "latenessMaxMs",
      "cpuUsPerCheck",
      "cpuUsPerCheckAgent",
      "cpuUsPerCheckCoordinator",
      "cpuUsPerCheckRedis",
      "cpuUsPerCheckPostgres",
      "cpuUsPerCheckClickHouse",
      "redisSentPerCheck",
      "redisExecutedPerCheck",
    ],
    baselines: ["schedulerPerMonitor100", "schedulerPerMonitor10"],
    compared: "cpuUsPerCheck",
  },
  queue: {
    figures: ["cpuUsPerCheckAt1000", "redisSentPerCheckAt1000", "redisExecutedPerCheckAt1"],
    baselines: ["jobPerCheck", "schedulerPerMonitor"],
    compared: "cpuUsPerCheckAt1000",
  },
  planner: {
    figures: ["planUsPerCheckAt1M", "planAndBatchUsPerCheckAt1M", "bytesPerMonitorAt1M"],
    baselines: ["emptyLoop"],
    compared: "planUsPerCheckAt1M",
  },
  store: {
    figures: ["rowsPerSecond", "bytesPerRow", "bytesPerRowWithSums", "listP50Ms", "statsMonthP50Ms", "detailP50Ms"],
    baselines: ["withoutSums"],
    compared: "detailP50Ms",
  },
  probe: {
    figures: ["httpCpuUsPerCheck", "httpsCpuUsPerCheck", "tcpCpuUsPerCheck"],
    // And blackboxExporter, where that is installed.
    baselines: ["bare", "undiciClientPerCheck"],
    compared: "httpCpuUsPerCheck",
  },
  agent: {
    figures: ["cpuUsPerCheck", "checksPerSecond"],
    baselines: ["probe"],
    compared: "cpuUsPerCheck",
  },
  memory: {
    figures: ["rssMbIdle", "rssMbBusy", "rssMbMax", "growthMb", "checksPerSecond"],
    baselines: ["importsAlone", "unbundled"],
    compared: "rssMbIdle",
  },
  lateness: {
    figures: ["latenessP99MsAt2"],
    baselines: ["nodeTimersAlone", "nodeTimersBeside"],
    compared: "latenessP50MsAt2",
  },
  detect: {
    figures: ["verdictP50Ms", "verdictP99Ms", "hungVerdictP50Ms", "confirmedP50Ms", "outages", "witnessesMin"],
    baselines: ["intervalOnly"],
    compared: "verdictP50Ms",
  },
  tunnel: {
    figures: ["cpuUsPerCheck", "cpuUsPerCheckAgent", "cpuUsPerCheckCoordinator", "coverage", "latenessP99Ms"],
    baselines: ["direct"],
    compared: "cpuUsPerCheck",
  },
};

test.concurrent.each(Object.entries(expected))(
  "%s prints a table and its report as JSON",
  {
    timeout: 120_000,
  },
  async (name, { figures, baselines, compared }) => {
    const { stdout } = await bench(name, "--json", "--seconds", "1", "--scale", "0.02");
    const lines = stdout.trimEnd().split("\n");
    expect(lines[0]).toMatch(new RegExp(`^${name} `));
    const report = JSON.parse(lines.at(-1) as string);
    expect(Object.keys(report).sort()).toEqual(["baselines", "figures", "machine", "name", "ratios"]);
    expect(report).toMatchObject({ name, machine: { node: process.version } });
    for (const figure of figures) expect(report.figures[figure], figure).toBeTypeOf("number");
    expect(Object.keys(report.baselines)).toEqual(expect.arrayContaining(baselines));
    for (const baseline of baselines) expect(report.ratios[baseline][compared]).toBeTypeOf("number");
  },
);

test("a wrong call says what is right and ends with 2", async () => {
  for (const args of [["nothing"], ["--seconds", "0"], ["--scale", "x"], ["--colour"]]) {
    await expect(bench(...args)).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining("npm run bench --"),
    });
  }
});
