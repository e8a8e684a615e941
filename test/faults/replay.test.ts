import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { startAgentProcess } from "../support/agent-process.ts";
import { until } from "../support/until.ts";
import { deploy } from "./deployment.ts";

/** So many outages, in each of which the coordinator is restarted twice. It takes a while, so that it has to be asked for. */
const OUTAGES = Number(process.env.VERDICT_RESTARTS ?? 0);

test.skipIf(OUTAGES === 0)(
  "a replay gives the incidents that there were though the coordinator was restarted, or killed, in the midst of each",
  async ({ onTestFinished }) => {
    const deployment = await deploy();
    onTestFinished(deployment.stop);
    const { url, queueServer, call, coordinators, breakTarget, verdicts, restartCoordinator } = deployment;
    const others = ["ap-south", "us-east"].map((region) =>
      startAgentProcess({ url, queueServer }, region, `agt-${region}`),
    );
    onTestFinished(async () => void (await Promise.all(others.map((agent) => agent.end("SIGKILL")))));
    await until(
      () => call("GET", "/v1/regions"),
      ({ data }) => data.length === 3 && data.every((region: any) => region.agents.online === 1),
      { withinMs: 30_000 },
    );
    await deployment.watch(3, { interval: "5s", timeout: "1s" });
    await verdicts("up");
    for (let n = 0; n < OUTAGES; n++) {
      const signal = n % 2 === 0 ? "SIGTERM" : "SIGKILL";
      breakTarget(true);
      // Each time at another point: before anything is known, while it is in doubt, when it is down.
      await sleep((n * 700) % 6_000);
      await coordinators[0]?.end(signal);
      await restartCoordinator(0);
      await verdicts("down", 60_000);
      breakTarget(false);
      await sleep((n * 900) % 6_000);
      await coordinators[0]?.end(signal);
      await restartCoordinator(0);
      await verdicts("up", 60_000);
    }
    const { data } = await call("GET", "/v1/monitors");
    for (const { id } of data) {
      const { faithful, same, changed, onlyLive, onlyReplayed } = await until(
        () => call("GET", `/v1/monitors/${id}/replay?from=2026-01-01`),
        (body) => body.faithful,
        // What a coordinator was killed over comes again when its lock has run out.
        { withinMs: 90_000, everyMs: 500 },
      ).catch(() => call("GET", `/v1/monitors/${id}/replay?from=2026-01-01`));
      expect({ changed, onlyLive, onlyReplayed, faithful }).toEqual({
        changed: [],
        onlyLive: [],
        onlyReplayed: [],
        faithful: true,
      });
      expect(same.length).toBeGreaterThan(0);
    }
  },
  3_600_000,
);
