import { expect, type TestContext, test } from "vitest";
import { openPostgres } from "../../../coordinator/store/postgres.ts";
import type { Check } from "../../../shared/check.ts";
import { createLogger } from "../../../shared/logger.ts";
import { idle } from "../../support/agent-link.ts";
import { startTestCoordinator } from "../../support/coordinator.ts";
import { startHandAgent } from "../../support/hand-agent.ts";
import { until } from "../../support/until.ts";

const regions = ["ap-south", "eu-west", "us-east"] as const;
const hosts = ["a.example", "b.example", "c.example", "d.example", "e.example", "f.example"];
const refused = { status: "down", error: { code: "connect_refused", message: "refused" } } as const;

const hostOf = (check: Check) => (check.type === "tcp" ? check.tcp.host : "");

/** Each target has its own: else they would be no unrelated ones. */
const addressOf = (check: Check) => `192.0.2.${1 + hosts.indexOf(hostOf(check))}`;

/** A coordinator, and an agent per region that sees what the test says. */
async function beginStory({ onTestFinished }: Pick<TestContext, "onTestFinished">) {
  const coordinator = await startTestCoordinator("redis", { regionCleanS: 2 });
  onTestFinished(coordinator.stop);
  const postgres = openPostgres(coordinator.databaseUrl, createLogger({ level: "silent", name: "test" }));
  onTestFinished(() => postgres.end());
  const story = {
    coordinator,
    postgres,
    /** Which targets a region sees fail. */
    failing: (_region: string, _host: string): boolean => false,
    /** Regions whose agents' canaries fail. */
    cutOff: new Set<string>() as ReadonlySet<string>,
    /** Monitors of unrelated targets, each seen well by every region. */
    async watchAll(interval: string): Promise<void> {
      for (const host of hosts) {
        // Votes stay fresh for two intervals and the timeout, so that a busy machine makes no silence of it.
        const document = { name: host, type: "tcp", interval, timeout: "3s", tcp: { host, port: 443 } };
        expect((await coordinator.call("POST", "/v1/monitors", document)).status).toBe(201);
      }
      await until(story.verdicts, (all) => all.length === hosts.length && all.every((verdict) => verdict === "up"));
    },
    verdicts: async (): Promise<string[]> =>
      (await coordinator.call("GET", "/v1/monitors")).body.data.map(({ status }: any) => status.verdict),
    impairments: async (): Promise<any[]> =>
      (await coordinator.call("GET", "/v1/regions")).body.data.filter(({ impaired }: any) => impaired !== null),
    incidents: async (): Promise<any[]> => (await postgres.query("SELECT * FROM incidents")).rows,
    notices: async (): Promise<string[]> =>
      (await postgres.query("SELECT event FROM notices ORDER BY at")).rows.map(({ event }) => event),
  };
  const agents = await Promise.all(
    regions.map((region) =>
      startHandAgent(coordinator, region, {
        finds: (check) => ({ address: addressOf(check), ...(story.failing(region, hostOf(check)) && refused) }),
        load: () => ({ ...idle, failingCanaries: story.cutOff.has(region) ? ["gateway"] : [] }),
      }),
    ),
  );
  // Whatever is registered last comes first.
  onTestFinished(async () => void (await Promise.all(agents.map((agent) => agent.stop()))));
  await until(
    () => coordinator.call("GET", "/v1/regions"),
    ({ body }) => body.data.length === 3 && body.data.every((region: any) => region.agents.online === 1),
  );
  return story;
}

test.concurrent.for(["3s", "6s"])(
  "a region that alone sees everything fail loses its vote, and nobody hears of the monitors, at intervals of %s",
  { timeout: 120_000 },
  async (interval, context) => {
    const story = await beginStory(context);
    await story.watchAll(interval);
    story.failing = (region) => region === "eu-west";
    const [impaired] = await until(story.impairments, (all) => all.length > 0, { withinMs: 30_000 });
    expect(impaired).toMatchObject({ region: "eu-west", impaired: { reason: expect.stringContaining("unrelated") } });
    expect(await story.verdicts()).toEqual(hosts.map(() => "up"));
    const figures = (await story.coordinator.call("GET", "/metrics")).body;
    expect(figures).toContain("watchpost_regions_impaired 1");
    expect(figures).toContain('watchpost_incidents_opened_total{kind="vantage",level="degraded"} 1');
    expect(figures).toContain('watchpost_incidents_open{kind="vantage",level="degraded"} 1');

    story.failing = () => false;
    await until(story.impairments, (all) => all.length === 0, { withinMs: 40_000 });
    expect(await story.verdicts()).toEqual(hosts.map(() => "up"));
    expect(await story.incidents()).toMatchObject([
      { kind: "vantage", region: "eu-west", monitor_id: null, resolution: "recovered", notices: 2 },
    ]);
    expect(await story.notices()).toEqual(["region_impaired", "region_recovered"]);

    // Its word counts again: with it, a target that two regions see fail is down.
    story.failing = (region, host) => region !== "us-east" && host === "a.example";
    await until(story.verdicts, (all) => all.includes("down"), { withinMs: 30_000 });
  },
);

test.concurrent("an outage of most targets that every region sees opens their incidents and impairs nobody", async (context) => {
  const story = await beginStory(context);
  await story.watchAll("3s");
  story.failing = (_, host) => host !== "f.example";
  await until(story.incidents, (all) => all.length === 5);
  const seen = await until(story.verdicts, (all) => all.filter((verdict) => verdict === "down").length === 5);
  expect(seen.filter((verdict) => verdict === "up")).toHaveLength(1);
  expect((await story.incidents()).every(({ kind, level }) => kind === "global" && level === "down")).toBe(true);
  expect(await story.impairments()).toEqual([]);
  expect((await story.postgres.query("SELECT 1 FROM region_impairments")).rowCount).toBe(0);
}, 60_000);

test.concurrent("a region whose agents' canaries fail has no vote until they are well; with all of them nothing is known", async (context) => {
  const story = await beginStory(context);
  await story.watchAll("5s");
  story.cutOff = new Set(["ap-south"]);
  const [impaired] = await until(story.impairments, (all) => all.length > 0);
  expect(impaired).toMatchObject({ region: "ap-south", impaired: { reason: "its agents' canaries fail: gateway" } });
  expect(await story.verdicts()).toEqual(hosts.map(() => "up"));

  // Two regions are left, and what both see counts.
  story.failing = (region, host) => host === "a.example" && region !== "ap-south";
  await until(story.verdicts, (all) => all.includes("down"));
  story.failing = () => false;
  await until(story.verdicts, (all) => all.every((verdict) => verdict === "up"));

  story.cutOff = new Set(regions);
  await until(story.verdicts, (all) => all.every((verdict) => verdict === "unknown"));
  story.cutOff = new Set();
  await until(story.impairments, (all) => all.length === 0, { withinMs: 30_000 });
  await until(story.verdicts, (all) => all.every((verdict) => verdict === "up"), { withinMs: 30_000 });
  expect((await story.notices()).sort()).toEqual(
    ["down", ...Array(3).fill("region_impaired"), ...Array(3).fill("region_recovered"), "up"].sort(),
  );
  const own = (await story.incidents()).filter(({ kind }) => kind === "vantage");
  expect(own.map(({ region }) => region).sort()).toEqual([...regions]);
  expect(own.every(({ resolution }) => resolution === "recovered")).toBe(true);
}, 90_000);

test.concurrent("two coordinators take a vote once, and tell of it once", async (context) => {
  const story = await beginStory(context);
  const other = await story.coordinator.another();
  try {
    await story.watchAll("5s");
    story.failing = (region) => region === "eu-west";
    await until(story.impairments, (all) => all.length > 0, { withinMs: 30_000 });
    story.failing = () => false;
    await until(story.impairments, (all) => all.length === 0, { withinMs: 40_000 });
    expect(await story.notices()).toEqual(["region_impaired", "region_recovered"]);
    expect(await story.incidents()).toHaveLength(1);
  } finally {
    await other.stop();
  }
}, 90_000);
