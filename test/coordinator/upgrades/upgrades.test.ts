import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { idle } from "../../support/agent-link.ts";
import { watchpost } from "../../support/cli.ts";
import { adminToken, startTestCoordinator, type TestCoordinator } from "../../support/coordinator.ts";
import { startRelay } from "../../support/relay.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { until } from "../../support/until.ts";
import { layOutReleases, type UpgradableAgent, upgradableAgent } from "../../support/upgradable-agent.ts";

let dir: Awaited<ReturnType<typeof tempDir>>;
let coordinator: TestCoordinator;
let another: TestCoordinator;
let agents: UpgradableAgent[];
let regions = 0;
let region: string;

beforeAll(async () => {
  dir = await tempDir();
  await layOutReleases(dir.path, ["1.0.0", "1.1.0"]);
  const changes = { agentReleases: dir.path, publicUrl: "https://watch.example" };
  coordinator = await startTestCoordinator("redis", changes);
  another = await coordinator.another(changes);
});
afterAll(async () => {
  await another?.stop();
  await coordinator?.stop();
  await dir.remove();
});
beforeEach(() => {
  agents = [];
  region = `region-${++regions}`;
});
afterEach(() => {
  for (const agent of agents) agent.leave();
});

async function arrive(at: TestCoordinator, more: Parameters<typeof upgradableAgent>[2] = {}): Promise<UpgradableAgent> {
  const agent = await upgradableAgent({ at, knownTo: another }, region, more);
  agents.push(agent);
  return agent;
}

const begin = (draft: object = {}) => coordinator.call("POST", "/v1/agent-upgrades", { region, ...draft });
const asked = ({ said }: UpgradableAgent) => said.filter(({ type }) => type === "upgrade");
const ended = (id: string) =>
  until(
    async () => (await another.call("GET", `/v1/agent-upgrades/${id}`)).body,
    ({ state }) => state !== "running",
  );

test("the agent is asked by the coordinator that it is linked to, and its failure stops the upgrade", async () => {
  const [first, second] = (await Promise.all([arrive(another), arrive(another)])).sort((a, b) =>
    a.id < b.id ? -1 : 1,
  ) as [UpgradableAgent, UpgradableAgent];
  const { status, body } = await begin();
  expect(status).toBe(201);
  expect(body).toMatchObject({ region, version: "1.1.0", canary: 1, state: "running", createdBy: "admin" });
  expect(body.agents.map(({ agentId, from }: any) => [agentId, from])).toEqual([
    [first.id, "1.0.0"],
    [second.id, "1.0.0"],
  ]);
  await until(
    () => asked(first),
    ({ length }) => length > 0,
  );
  expect(asked(first)).toEqual([{ type: "upgrade", version: "1.1.0" }]);
  expect(asked(second)).toEqual([]);
  expect((await begin()).status).toBe(409);

  first.say({ type: "upgrade", version: "1.1.0", state: "requested" });
  first.say({ type: "upgrade", version: "1.1.0", state: "rolled-back", detail: "not ready within 60 s" });
  expect(await ended(body.id)).toMatchObject({
    state: "failed",
    detail: `${first.id}: 1.0.0 runs again: not ready within 60 s`,
    agents: [{ state: "failed" }, { state: "skipped" }],
  });
  expect(asked(second)).toEqual([]);
  expect((await coordinator.call("POST", `/v1/agent-upgrades/${body.id}/cancel`)).status).toBe(409);
  const { body: log } = await coordinator.call("GET", "/v1/audit?limit=1000");
  const entries = log.data.filter(({ subject }: any) => [body.id, first.id, second.id].includes(subject));
  expect(entries.map(({ actor, action }: any) => [actor, action]).slice(0, 4)).toEqual([
    ["admin", "agent-upgrades.failed"],
    ["admin", "agents.upgrade-failed"],
    ["admin", "agents.upgrade"],
    ["admin", "agent-upgrades.create"],
  ]);
});

test("an agent is told again until it answers, and then no more", async () => {
  const agent = await arrive(coordinator);
  const { body } = await begin();
  await until(
    () => asked(agent),
    ({ length }) => length === 2,
  );
  agent.say({ type: "upgrade", version: "1.1.0", state: "requested" });
  const { status } = await coordinator.call("POST", `/v1/agent-upgrades/${body.id}/cancel`);
  expect(status).toBe(200);
  expect(await ended(body.id)).toMatchObject({ state: "cancelled", agents: [{ state: "asked" }] });
});

test.each([
  ["a version that there is no release of", { version: "9.9.9" }, 422, "1.1.0, 1.0.0"],
  ["no canary", { canary: 0 }, 422, "canary"],
  ["a region with nobody in it", { region: "nowhere" }, 409, "No agent of nowhere is online"],
])("%s is refused", async (_, draft, status, detail) => {
  const answer = await begin(draft);
  expect(answer.status).toBe(status);
  expect(answer.body.detail).toContain(detail);
});

test("when no agent can become it, that is said of each", async () => {
  const [newer, foreign] = [
    await arrive(coordinator, { version: "2.0.0" }),
    await arrive(coordinator, { load: { ...idle, upgradable: false } }),
  ];
  const { status, body } = await begin();
  expect(status).toBe(409);
  expect(body.detail).toContain(`${newer.id}: it is newer: 2.0.0`);
  expect(body.detail).toContain(`${foreign.id}: install.sh did not install it`);
});

test("the command tells how it goes, and fails when it does", async () => {
  const agent = await arrive(coordinator);
  const way = await startRelay(coordinator.url);
  const env = { WATCHPOST_URL: way.url.replace(/\/$/, ""), WATCHPOST_TOKEN: adminToken };
  const running = watchpost(["agents", "upgrade", "--region", region, "--version", "1.1.0"], env);
  await until(
    () => asked(agent),
    ({ length }) => length > 0,
  );
  // It goes on while the coordinator does not answer for a while.
  way.cut();
  agent.say({ type: "upgrade", version: "1.1.0", state: "failed", detail: "the signature is wrong" });
  const { data } = (await coordinator.call("GET", "/v1/agent-upgrades")).body;
  await ended(data.find((one: any) => one.region === region).id);
  way.mend();
  const { code, out, err } = await running;
  expect(code).toBe(1);
  expect(out).toMatch(new RegExp(`the agents of ${region} become 1.1.0\n  ${agent.id} \\(1.0.0\\): `));
  expect(err).toContain(`the upgrade has failed: ${agent.id}: the signature is wrong`);
  const { out: list } = await watchpost(["agents", "upgrades"], env);
  await way.stop();
  expect(list).toMatch(new RegExp(`${region} +1.1.0 +failed +0/1`));
});
