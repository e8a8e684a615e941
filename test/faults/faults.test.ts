import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { Result } from "../../shared/result.ts";
import { until } from "../support/until.ts";
import { missedIn } from "./deployment.ts";
import { MONITORS, runThrough, runWell } from "./run-through.ts";

/** How long a fault lasts, in ms: it is the passing of this time that is tested. */
const FAULT_MS = 4_000;

/** The results in an agent's spool. */
async function spooledIn(dir: string): Promise<Result[]> {
  const files = (await readdir(dir)).filter((name) => name.endsWith(".jsonl"));
  const texts = await Promise.all(files.map((name) => readFile(join(dir, name), "utf8")));
  const lines = texts.flatMap((text) => text.split("\n").filter(Boolean));
  return lines.flatMap((line) => JSON.parse(line).batch.results);
}

describe.concurrent("through a fault", { timeout: 120_000 }, () => {
  test("control: without a fault every scheduled check has its result", async (context) => {
    const counts = await runWell(context, {}, () => sleep(FAULT_MS));
    expect(counts.stored).toBe(counts.scheduled);
  });

  test("a coordinator is killed: another takes over its shards, and leaves no slot out", async (context) => {
    const counts = await runWell(context, { coordinators: 2 }, async ({ coordinators, flowing }) => {
      await coordinators[1]?.end("SIGKILL");
      await flowing(5_000);
    });
    expect(missedIn(counts)).toBeLessThanOrEqual(MONITORS * 5);
    expect(counts.missed).toMatchObject({ no_agent: 0, backlog: 0 });
  });

  test("the only coordinator is away: its time is accounted for, and not caught up with", async (context) => {
    const away = 2 * FAULT_MS;
    const counts = await runWell(context, {}, async ({ coordinators, restartCoordinator }) => {
      await coordinators[0]?.end("SIGKILL");
      await sleep(away);
      await restartCoordinator(0);
    });
    // Up to 1.75 s of checks had been pushed ahead, and those of the last second are not over when it is back.
    expect(counts.missed.coordinator_down).toBeGreaterThanOrEqual((MONITORS * (away - 2_750)) / 1_000 - MONITORS);
    expect(counts.missed).toMatchObject({ backlog: 0, no_agent: 0 });
  });

  test("the only agent is frozen: coverage falls by its share, and uptime stays", async (context) => {
    const counts = await runWell(context, {}, async ({ agents }) => {
      agents[0]?.freeze();
      await sleep(3 * FAULT_MS);
      agents[0]?.thaw();
    });
    expect(missedIn(counts)).toBeGreaterThanOrEqual(MONITORS * 9);
    expect(counts.missed).toMatchObject({ backlog: 0, coordinator_down: 0 });
  });

  test("one agent of two is frozen: the other makes the checks", async (context) => {
    const counts = await runWell(context, { agents: 2 }, async ({ agents }) => {
      agents[0]?.freeze();
      await sleep(2 * FAULT_MS);
      agents[0]?.thaw();
    });
    expect(missedIn(counts)).toBeLessThanOrEqual(MONITORS * 4);
  });

  test("Redis is killed and comes back with its memory", async (context) => {
    await runWell(context, { persistent: true }, async ({ redis }) => {
      await redis.restart();
    });
  });

  test("Redis is killed and comes back without its memory", async (context) => {
    await runWell(context, { persistent: false }, async ({ redis }) => {
      await redis.restart();
    });
  });

  test("Redis is away and the agent is killed meanwhile: what it had found comes late, and alerts nobody", async (context) => {
    const found: Result[] = [];
    let verdicts = "";
    const counts = await runThrough(context, {}, async (deployment) => {
      const { redis, agents, coordinators, breakTarget, spoolDir, restartAgent, flowing, call } = deployment;
      await redis.kill();
      breakTarget(true);
      await until(
        () => spooledIn(spoolDir(0)),
        (results) => results.some(({ status }) => status === "down"),
      );
      await agents[0]?.end("SIGKILL");
      found.push(...(await spooledIn(spoolDir(0))));
      breakTarget(false);
      restartAgent(0);
      await sleep(2 * FAULT_MS);
      await redis.start();
      await flowing(1_000);
      for (const { monitorId, round, startedAt } of found) {
        const { data } = await call("GET", `/v1/monitors/${monitorId}/results?limit=100`);
        const stored = data.filter((result: any) => result.round === round);
        expect(stored).toMatchObject([{ startedAt: new Date(startedAt).toISOString() }]);
      }
      expect(await spooledIn(spoolDir(0))).toEqual([]);
      verdicts =
        coordinators[0]
          ?.output()
          .match(/.*A verdict changed.*/g)
          ?.join("\n") ?? "";
    });
    console.log(`  of them from the spool: ${found.length}`);
    expect(counts.down).toBe(found.filter(({ status }) => status === "down").length);
    expect(verdicts).toContain('"to":"up"');
    expect(verdicts).not.toContain('"to":"down"');
  });

  test("Redis is frozen for a while", async (context) => {
    await runWell(context, {}, async ({ redis }) => {
      redis.freeze();
      await sleep(2 * FAULT_MS);
      redis.thaw();
    });
  });

  test("Redis is emptied", async (context) => {
    const counts = await runWell(context, {}, async ({ redis, flowing }) => {
      await redis.client.flushall();
      await flowing(1_000);
      await redis.client.flushall();
    });
    expect(missedIn(counts)).toBeLessThanOrEqual(MONITORS * 2 * 4);
  });

  test("Redis is full for a while", async (context) => {
    await runWell(context, {}, async ({ redis }) => {
      await redis.client.config("SET", "maxmemory", "1mb");
      await sleep(FAULT_MS);
      await redis.client.config("SET", "maxmemory", "0");
    });
  });

  test("ClickHouse is away and the coordinator is killed: what it had taken in is stored all the same", async (context) => {
    const counts = await runWell(
      context,
      { ownStores: true },
      async ({ redis, clickhouse, coordinators, restartCoordinator }) => {
        await clickhouse.kill();
        await sleep(FAULT_MS);
        await coordinators[0]?.end("SIGKILL");
        const key = (name: string) => `watchpost:{results-eu-west}:${name}`;
        const inHand = await redis.client.lrange(key("active"), 0, -1);
        await clickhouse.restart();
        await restartCoordinator(0);
        // What it was gathering for a block when it died comes again when its locks have run out, half a minute later.
        await until(
          () => Promise.all(inHand.map((id) => redis.client.zscore(key("completed"), id))),
          (completed) => !completed.includes(null),
          { withinMs: 60_000 },
        );
      },
    );
    // A check for which the agent was too late, as on a busy machine, it reports. One that had been taken in and got lost
    // would count as expired too, and nobody would have reported it.
    expect(counts.missed).toMatchObject({ no_agent: 0, backlog: 0, expired: counts.reportedExpired });
  });
});
