import { afterAll, beforeAll, expect, it } from "vitest";
import { abandonedRegions } from "../../support/abandoned-regions.ts";
import { watchpost } from "../../support/cli.ts";
import { adminToken, startTestCoordinator, type TestCoordinator } from "../../support/coordinator.ts";
import { type HandAgent, startHandAgent } from "../../support/hand-agent.ts";
import { until } from "../../support/until.ts";

let coordinator: TestCoordinator;
let agents: HandAgent[];

/** Two regions that have each reported once on one monitor: up, and down with an error. */
beforeAll(async () => {
  coordinator = await startTestCoordinator();
  agents = await Promise.all(["eu-west", "us-east"].map((region) => startHandAgent(coordinator, region)));
  await watchpost(
    ["monitors", "add", "--name", "Shop", "--url", "https://shop.example/", "--regions", "eu-west,us-east"],
    env(),
  );
  const [up, down] = await Promise.all(
    agents.map(
      async (agent) =>
        (
          await until(
            () => agent.checks,
            ({ length }) => length > 0,
          )
        )[0],
    ),
  );
  if (!up || !down) throw new Error("no check came");
  await agents[0]?.answer(up, { latencyMs: 84.1, phases: { dnsMs: 3.1, connectMs: 81 }, statusCode: 200 });
  await agents[1]?.answer(down, {
    status: "down",
    latencyMs: 1_500,
    phases: { connectMs: 1_500 },
    error: { code: "connect_refused", message: "refused\u001b[2J by 192.0.2.1" },
  });
  await until(
    async () => JSON.parse((await watchpost(["monitors", "show", "Shop", "--json"], env())).out).status,
    ({ regions }) => Object.keys(regions).length === 2,
  );
  await until(
    async () => JSON.parse((await watchpost(["results", "Shop", "--json"], env())).out),
    // Both were asked again.
    ({ length }) => length === 4,
  );
  // Agents are written down a little after they are seen.
  await until(
    async () => JSON.parse((await watchpost(["agents", "--json"], env())).out),
    ({ length }) => length === 2,
  );
});
afterAll(async () => {
  await Promise.all((agents ?? []).map((agent) => agent.stop()));
  await coordinator?.stop();
});

const env = () => ({ WATCHPOST_URL: coordinator.url, WATCHPOST_TOKEN: adminToken });

it("lists monitors with verdict, regions, latency and last check", async () => {
  const { code, out } = await watchpost(["monitors"], env());
  expect(code).toBe(0);
  expect(out.split("\n")).toEqual([
    expect.stringMatching(/^NAME +TYPE +VERDICT +REGIONS UP +LATENCY +LAST CHECK$/),
    expect.stringMatching(/^Shop +http +degraded +1\/2 +792 ms +(now|\d+ s ago)$/),
    "",
  ]);
  expect((await watchpost(["monitors"], env(), { color: true })).out).toContain("\u001b[33mdegraded\u001b[0m");
});

it("shows what each region saw, and no control characters of a target", async () => {
  const { out } = await watchpost(["monitors", "show", "Shop"], env());
  expect(out).toMatch(/^Last 24 hours: coverage .+ of \d+ checks/m);
  expect(out).toMatch(/^LAST +UPTIME +COVERAGE +DOWN FOR +OUTAGES +TO DETECT +TO RECOVER$/m);
  expect(out).toMatch(/^90d +(100 %|–) +\S.* +0 s +0 +– +–$/m);
  expect(out).toMatch(/^eu-west +up +84 ms +200 +/m);
  expect(out).toMatch(
    /^us-east +down +1\.50 s +– +.* +[\d.–]+( %)? +[\d.–]+( %)? +connect_refused: refused \[2J by 192\.0\.2\.1$/m,
  );
});

it("lists results with phases, by region and limit", async () => {
  const all = await watchpost(["results", "Shop"], env());
  expect(all.out).toMatch(/^20\S+Z +eu-west +up +84 ms +3\.1 ms +81 ms +– +– +– +200/m);
  const rows = async (...flags: string[]) =>
    JSON.parse((await watchpost(["results", "Shop", "--json", ...flags], env())).out);
  expect(await rows("--region", "us-east")).toMatchObject(Array(2).fill({ region: "us-east", status: "down" }));
  expect(await rows("--limit", "1")).toHaveLength(1);
  expect(await rows("--from", "1h", "--to", new Date(Date.now() + 60_000).toISOString())).toHaveLength(4);
  expect(await rows("--to", "1h")).toEqual([]);
});

it.each([
  [["--region", "EU"], "lower-case letters"],
  [["--from", "yesterday"], "ISO 8601"],
  [["--from", "2026-01-31T12:00:00"], "ISO 8601 with its offset"],
  [["--limit", "0"], "whole number"],
])("refuses results with %j", async (flags, rule) => {
  expect(await watchpost(["results", "Shop", ...flags], env())).toMatchObject({
    code: 2,
    err: expect.stringContaining(rule),
  });
});

it("lists regions and agents", async () => {
  expect((await watchpost(["regions"], env())).out).toMatch(/^eu-west +1\/1 online +(now|\d+ s ago) +yes +–$/m);
  expect(JSON.parse((await watchpost(["regions", "--json"], env())).out)).toHaveLength(2);
  const { out } = await watchpost(["agents"], env());
  for (const { id, region } of agents) expect(out).toMatch(new RegExp(`^${id} +${region} +online +– +here +0 `, "m"));
});

it("retires a region that nobody needs, and says why another is needed", async () => {
  await abandonedRegions(coordinator, "old-place");
  expect(await watchpost(["regions", "rm", "old-place"], env())).toMatchObject({
    code: 0,
    out: "Retired old-place.\n",
  });
  expect(await watchpost(["regions", "rm", "old-place"], env())).toMatchObject({
    code: 1,
    err: expect.stringContaining("There is no region old-place"),
  });
  expect(await watchpost(["regions", "rm", "eu-west"], env())).toMatchObject({
    code: 1,
    err: expect.stringContaining(`stop ${agents[0]?.id} first`),
  });
});

it("is well, says doctor of all this", async () => {
  const { code, out } = await watchpost(["doctor", "--json"], env());
  const { ok, findings } = JSON.parse(out) as { ok: boolean; findings: Array<{ check: string; state: string }> };
  // No rule tells anybody, which is advice and no trouble.
  expect(findings.filter(({ state }) => state !== "ok")).toMatchObject([{ check: "Alerts", state: "advice" }]);
  expect({ code, ok }).toEqual({ code: 0, ok: true });
  expect(findings.map(({ check }) => check)).toContain("Agents of us-east");
});
