import { afterAll, beforeAll, expect, test } from "vitest";
import type { Check } from "../../../shared/check.ts";
import { idle } from "../../support/agent-link.ts";
import { watchpost } from "../../support/cli.ts";
import type { TestCoordinator } from "../../support/coordinator.ts";
import { adminToken, startTestCoordinator } from "../../support/coordinator.ts";
import type { HandAgent } from "../../support/hand-agent.ts";
import { startHandAgent } from "../../support/hand-agent.ts";
import { until } from "../../support/until.ts";

const regions = ["ap-south", "eu-west", "us-east"];
const refused = { status: "down", error: { code: "connect_refused", message: "refused" } } as const;
/** Each has a monitor, named after what becomes of it. */
const stories = [
  "calm",
  "outage",
  "two of three",
  "regional",
  "blip",
  "paused",
  "again",
  "renamed",
  "kept up",
  "mended in maintenance",
  "broken in maintenance",
  "seen by two",
  "seen by one of two",
];
/** Those without an incident. */
const uneventful = ["calm", "blip"];

let coordinator: TestCoordinator;
let agents: HandAgent[];
const ids = new Map<string, string>();
/** The regions that see a target fail. */
const failing = new Map<string, ReadonlySet<string>>();
/** Regions whose agents' canaries fail. */
let cutOff: ReadonlySet<string> = new Set();
/** Targets that fail once. */
const blips = new Set<string>();

const hostOf = (story: string) => `${story.replaceAll(" ", "-")}.example`;

function find(region: string, check: Check) {
  const host = check.type === "tcp" ? check.tcp.host : "";
  return blips.delete(host) || failing.get(host)?.has(region) ? refused : {};
}
const fail = (story: string, ...where: string[]) => failing.set(hostOf(story), new Set(where));
const path = (story: string) => `/v1/monitors/${ids.get(story)}`;
const verdict = async (story: string): Promise<string> =>
  (await coordinator.call("GET", path(story))).body.status.verdict;
const turns = (story: string, to: string) =>
  until(
    () => verdict(story),
    (now) => now === to,
    { withinMs: 45_000 },
  );

const iso = (inMs: number) => new Date(Date.now() + inMs).toISOString();

async function replay(story: string, query = ""): Promise<any> {
  const { status, body } = await coordinator.call("GET", `${path(story)}/replay?from=2026-01-01${query}`);
  expect(status, JSON.stringify(body)).toBe(200);
  return body;
}

async function recorded(story: string): Promise<any[]> {
  const { body } = await coordinator.call("GET", `/v1/incidents?monitor=${ids.get(story)}`);
  return body.data;
}

/** Lives through all the stories at once. */
beforeAll(async () => {
  coordinator = await startTestCoordinator("redis", { regionCleanS: 2 });
  agents = await Promise.all(
    regions.map((region) =>
      startHandAgent(coordinator, region, {
        finds: (check) => find(region, check),
        load: () => ({ ...idle, failingCanaries: cutOff.has(region) ? ["gateway"] : [] }),
      }),
    ),
  );
  await until(
    () => coordinator.call("GET", "/v1/regions"),
    ({ body }) => body.data.length === 3 && body.data.every((region: any) => region.agents.online === 1),
  );
  for (const story of stories) {
    const tcp = { host: hostOf(story), port: 443 };
    const { body } = await coordinator.call("POST", "/v1/monitors", {
      name: story,
      type: "tcp",
      interval: "3s",
      timeout: "1s",
      regions,
      tcp,
    });
    ids.set(story, body.id);
  }
  await Promise.all(stories.map((story) => turns(story, "up")));

  const troubled = ["outage", "paused", "again", "renamed", "kept up"];
  for (const story of troubled) fail(story, ...regions);
  fail("two of three", "ap-south", "us-east");
  fail("regional", "eu-west");
  blips.add(hostOf("blip"));
  await Promise.all([
    ...[...troubled, "two of three"].map((story) => turns(story, "down")),
    turns("regional", "degraded"),
    until(
      () => blips.size,
      (left) => left === 0,
    ),
  ]);
  await coordinator.call("PATCH", path("paused"), { enabled: false });
  await coordinator.call("PATCH", path("renamed"), { name: "otherwise" });
  for (const story of stories) if (story !== "kept up") fail(story);
  await Promise.all(["outage", "two of three", "regional", "again", "renamed"].map((story) => turns(story, "up")));
  await coordinator.call("PATCH", path("paused"), { enabled: true });
  fail("again", ...regions);
  await turns("again", "down");
  fail("again");
  await Promise.all([turns("again", "up"), turns("paused", "up")]);

  await workOn("mended in maintenance", "broken in maintenance");
  await loseARegion("seen by two", "seen by one of two");
}, 180_000);

/** Maintenance that one is mended in, and another broken; both are judged anew when it is over. */
async function workOn(mended: string, broken: string): Promise<void> {
  const window = {
    name: "work",
    monitors: [ids.get(mended), ids.get(broken)],
    when: { once: { from: iso(-1_000), to: iso(6_000) } },
  };
  fail(mended, ...regions);
  await turns(mended, "down");
  expect((await coordinator.call("POST", "/v1/maintenance", window)).status).toBe(201);
  await Promise.all([turns(mended, "maintenance"), turns(broken, "maintenance")]);
  fail(mended);
  fail(broken, ...regions);
  await Promise.all([turns(mended, "up"), turns(broken, "down")]);
  fail(broken);
  await turns(broken, "up");
}

/** A region loses its vote, and has it again while trouble goes on that the others see, or that one of them does. */
async function loseARegion(both: string, one: string): Promise<void> {
  const impaired = async (): Promise<any[]> =>
    (await coordinator.call("GET", "/v1/regions")).body.data.filter((region: any) => region.impaired !== null);
  cutOff = new Set(["ap-south"]);
  await until(impaired, (some) => some.length === 1);
  fail(both, "ap-south", "eu-west", "us-east");
  fail(one, "ap-south", "us-east");
  await Promise.all([turns(both, "down"), turns(one, "degraded")]);
  cutOff = new Set();
  await until(impaired, (some) => some.length === 0, { withinMs: 40_000 });
  // With the third region's word, two of three see it fail.
  await turns(one, "down");
  fail(both);
  fail(one);
  await Promise.all([turns(both, "up"), turns(one, "up")]);
}
afterAll(async () => {
  await Promise.all((agents ?? []).map((agent) => agent.stop()));
  await coordinator?.stop();
});

test.each(stories)("%s: a replay of the live policy gives exactly what was recorded", async (story) => {
  const { faithful, same, changed, onlyLive, onlyReplayed } = await until(
    () => replay(story),
    // The last results are stored a moment after they were judged.
    (body) => body.faithful,
    { withinMs: 5_000, everyMs: 500 },
  );
  expect({ faithful, changed, onlyLive, onlyReplayed }).toEqual({
    faithful: true,
    changed: [],
    onlyLive: [],
    onlyReplayed: [],
  });
  const was = await recorded(story);
  expect(was).toHaveLength(uneventful.includes(story) ? 0 : 1);
  expect(same.map(({ startedAt, recoveredAt, level, kind }: any) => ({ startedAt, recoveredAt, level, kind }))).toEqual(
    was.map(({ startedAt, recoveredAt, level, kind }) => ({ startedAt, recoveredAt, level, kind })),
  );
});

test("by another quorum what two of three regions saw is degraded, and what one saw is an outage", async () => {
  const levels = ({ changed }: any) => changed.map((one: any) => [one.live.level, one.replayed.level]);
  expect(levels(await replay("two of three", "&quorum=all"))).toEqual([["down", "degraded"]]);
  expect(levels(await replay("regional", "&quorum=any"))).toEqual([["degraded", "down"]]);
  expect(levels(await replay("regional", "&quorum=1"))).toEqual([["degraded", "down"]]);
  expect(await replay("outage", "&quorum=all")).toMatchObject({
    quorum: "all",
    changed: [],
    same: [{ level: "down" }],
  });
});

test("a window that begins amid an outage has the outage as it was", async () => {
  const [{ startedAt, recoveredAt }] = (await recorded("outage")) as [any];
  const amid = new Date((Date.parse(startedAt) + Date.parse(recoveredAt)) / 2).toISOString();
  const after = new Date(Date.parse(recoveredAt) + 1).toISOString();
  const { body } = await coordinator.call("GET", `${path("outage")}/replay?from=${amid}`);
  expect(body).toMatchObject({ faithful: true, same: [{ startedAt, recoveredAt }] });
  const later = await coordinator.call("GET", `${path("outage")}/replay?from=${after}`);
  expect(later.body).toMatchObject({ faithful: true, same: [] });
});

test("the command says what would differ, and refuses what makes no sense", async () => {
  const env = { WATCHPOST_URL: coordinator.url, WATCHPOST_TOKEN: adminToken };
  const told = await watchpost(["verdict", "replay", "two of three", "--from", "1h", "--quorum", "all"], env);
  expect(told).toMatchObject({ code: 0, err: "" });
  expect(told.out).toMatch(/results judged by quorum all\n0 incidents more, 0 fewer, 1 otherwise, 0 the same/);
  expect(told.out).toMatch(/^was +down +global/m);
  expect(told.out).toMatch(/^would be +degraded +global/m);
  const json = await watchpost(["verdict", "replay", "outage", "--from", "1h", "--json"], env);
  expect(JSON.parse(json.out)).toMatchObject({ quorum: null, faithful: true, same: [{ level: "down" }] });
  for (const wrong of [
    ["--quorum", "most"],
    ["--from", "soon"],
    ["--to", "2h"],
  ]) {
    expect(await watchpost(["verdict", "replay", "outage", "--from", "1h", ...wrong], env)).toMatchObject({ code: 2 });
  }
  expect((await coordinator.call("GET", "/v1/monitors/mon_0/replay?from=2026-01-01")).status).toBe(404);
  expect((await coordinator.call("GET", `${path("calm")}/replay?quorum=0`)).status).toBe(422);
});
