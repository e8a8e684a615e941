import { afterEach, beforeEach, expect, test } from "vitest";
import { openPostgres, type Postgres } from "../../../coordinator/store/postgres.ts";
import type { Check } from "../../../shared/check.ts";
import { createLogger } from "../../../shared/logger.ts";
import { idle } from "../../support/agent-link.ts";
import type { TestCoordinator } from "../../support/coordinator.ts";
import { startTestCoordinator } from "../../support/coordinator.ts";
import type { HandAgent } from "../../support/hand-agent.ts";
import { startHandAgent } from "../../support/hand-agent.ts";
import { until } from "../../support/until.ts";

const regions = ["ap-south", "eu-west", "us-east"] as const;
const hosts = ["a.example", "b.example", "c.example", "d.example", "e.example", "f.example"];
const refused = { status: "down", error: { code: "connect_refused", message: "refused" } } as const;

let coordinator: TestCoordinator;
let agents: HandAgent[];
let postgres: Postgres;
/** Which targets a region sees fail. */
let failing: (region: string, host: string) => boolean;
/** Regions whose agents' canaries fail. */
let cutOff: ReadonlySet<string>;

const hostOf = (check: Check) => (check.type === "tcp" ? check.tcp.host : "");

beforeEach(async () => {
  failing = () => false;
  cutOff = new Set();
  coordinator = await startTestCoordinator("redis", { regionCleanS: 2 });
  postgres = openPostgres(coordinator.databaseUrl, createLogger({ level: "silent", name: "test" }));
  agents = await Promise.all(
    regions.map((region) =>
      startHandAgent(coordinator, region, {
        finds: (check) => (failing(region, hostOf(check)) ? refused : {}),
        load: () => ({ ...idle, failingCanaries: cutOff.has(region) ? ["gateway"] : [] }),
      }),
    ),
  );
  await until(
    () => coordinator.call("GET", "/v1/regions"),
    ({ body }) => body.data.length === 3 && body.data.every((region: any) => region.agents.online === 1),
  );
});
afterEach(async () => {
  await Promise.all((agents ?? []).map((agent) => agent.stop()));
  await postgres?.end();
  await coordinator?.stop();
});

/** Monitors of unrelated targets, each seen well by every region. */
async function watchAll(interval: string): Promise<void> {
  for (const host of hosts) {
    const document = { name: host, type: "tcp", interval, timeout: "1s", tcp: { host, port: 443 } };
    expect((await coordinator.call("POST", "/v1/monitors", document)).status).toBe(201);
  }
  await until(verdicts, (all) => all.length === hosts.length && all.every((verdict) => verdict === "up"));
}

const verdicts = async (): Promise<string[]> =>
  (await coordinator.call("GET", "/v1/monitors")).body.data.map(({ status }: any) => status.verdict);
const impairments = async (): Promise<any[]> =>
  (await coordinator.call("GET", "/v1/regions")).body.data.filter(({ impaired }: any) => impaired !== null);
const incidents = async (): Promise<any[]> => (await postgres.query("SELECT * FROM incidents")).rows;
const notices = async (): Promise<string[]> =>
  (await postgres.query("SELECT event FROM notices ORDER BY at")).rows.map(({ event }) => event);

test.each(["2s", "10s"])(
  "a region that alone sees everything fail loses its vote, and nobody hears of the monitors, at intervals of %s",
  async (interval) => {
    await watchAll(interval);
    failing = (region) => region === "eu-west";
    const [impaired] = await until(impairments, (all) => all.length > 0, { withinMs: 30_000 });
    expect(impaired).toMatchObject({ region: "eu-west", impaired: { reason: expect.stringContaining("unrelated") } });
    expect(await verdicts()).toEqual(hosts.map(() => "up"));
    const figures = (await coordinator.call("GET", "/metrics")).body;
    expect(figures).toContain("watchpost_regions_impaired 1");
    expect(figures).toContain('watchpost_incidents_opened_total{kind="vantage",level="degraded"} 1');
    expect(figures).toContain('watchpost_incidents_open{kind="vantage",level="degraded"} 1');

    failing = () => false;
    await until(impairments, (all) => all.length === 0, { withinMs: 40_000 });
    expect(await verdicts()).toEqual(hosts.map(() => "up"));
    expect(await incidents()).toMatchObject([
      { kind: "vantage", region: "eu-west", monitor_id: null, resolution: "recovered", notices: 2 },
    ]);
    expect(await notices()).toEqual(["region_impaired", "region_recovered"]);

    // Its word counts again: with it, a target that two regions see fail is down.
    failing = (region, host) => region !== "us-east" && host === "a.example";
    await until(verdicts, (all) => all.includes("down"), { withinMs: 30_000 });
  },
  120_000,
);

test("an outage of most targets that every region sees opens their incidents and impairs nobody", async () => {
  await watchAll("2s");
  failing = (_, host) => host !== "f.example";
  await until(incidents, (all) => all.length === 5);
  const seen = await until(verdicts, (all) => all.filter((verdict) => verdict === "down").length === 5);
  expect(seen.filter((verdict) => verdict === "up")).toHaveLength(1);
  expect((await incidents()).every(({ kind, level }) => kind === "global" && level === "down")).toBe(true);
  expect(await impairments()).toEqual([]);
  expect((await postgres.query("SELECT 1 FROM region_impairments")).rowCount).toBe(0);
}, 60_000);

test("a region whose agents' canaries fail has no vote until they are well; with all of them nothing is known", async () => {
  await watchAll("10s");
  cutOff = new Set(["ap-south"]);
  const [impaired] = await until(impairments, (all) => all.length > 0);
  expect(impaired).toMatchObject({ region: "ap-south", impaired: { reason: "its agents' canaries fail: gateway" } });
  expect(await verdicts()).toEqual(hosts.map(() => "up"));

  // Two regions are left, and what both see counts.
  failing = (region, host) => host === "a.example" && region !== "ap-south";
  await until(verdicts, (all) => all.includes("down"));
  failing = () => false;
  await until(verdicts, (all) => all.every((verdict) => verdict === "up"));

  cutOff = new Set(regions);
  await until(verdicts, (all) => all.every((verdict) => verdict === "unknown"));
  cutOff = new Set();
  await until(impairments, (all) => all.length === 0, { withinMs: 30_000 });
  await until(verdicts, (all) => all.every((verdict) => verdict === "up"), { withinMs: 30_000 });
  const own = (await incidents()).filter(({ kind }) => kind === "vantage");
  expect(own.map(({ region }) => region).sort()).toEqual([...regions]);
  expect(own.every(({ resolution }) => resolution === "recovered")).toBe(true);
}, 90_000);

test("two coordinators take a vote once, and tell of it once", async () => {
  const other = await coordinator.another();
  try {
    await watchAll("10s");
    failing = (region) => region === "eu-west";
    await until(impairments, (all) => all.length > 0, { withinMs: 30_000 });
    failing = () => false;
    await until(impairments, (all) => all.length === 0, { withinMs: 40_000 });
    expect(await notices()).toEqual(["region_impaired", "region_recovered"]);
    expect(await incidents()).toHaveLength(1);
  } finally {
    await other.stop();
  }
}, 90_000);
