import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { SLOT_MS } from "../../coordinator/schedule/slot.ts";
import { abandonedRegions } from "../support/abandoned-regions.ts";
import type { TestCoordinator } from "../support/coordinator.ts";
import { startTestCoordinator } from "../support/coordinator.ts";
import type { HandAgent } from "../support/hand-agent.ts";
import { startHandAgent } from "../support/hand-agent.ts";
import { until } from "../support/until.ts";

const tcp = { name: "Everywhere", type: "tcp", interval: "1s", tcp: { host: "127.0.0.1", port: 9 } };

let coordinator: TestCoordinator;
let agent: HandAgent;
beforeAll(async () => {
  coordinator = await startTestCoordinator();
  agent = await startHandAgent(coordinator, "eu-west");
  await until(
    () => coordinator.call("GET", "/v1/regions"),
    ({ body }) => body.data[0]?.agents.online === 1,
  );
});
afterAll(async () => {
  await agent?.stop();
  await coordinator?.stop();
});

const regions = async (): Promise<string[]> =>
  (await coordinator.call("GET", "/v1/regions")).body.data.map(({ region }: { region: string }) => region);
const hasRegions = (...expected: string[]) => until(regions, (found) => found.join() === expected.join());
const retire = (region: string) => coordinator.call("DELETE", `/v1/regions/${region}`);

test("a region is not retired while it has an agent or a monitor names it", async () => {
  await abandonedRegions(coordinator, "ap-south");
  const { body } = await coordinator.call("POST", "/v1/monitors", { ...tcp, regions: ["ap-south"] });
  expect((await retire("nowhere")).status).toBe(404);
  expect(await retire("eu-west")).toMatchObject({ status: 409, body: { detail: expect.stringContaining(agent.id) } });
  expect(await retire("ap-south")).toMatchObject({ status: 409, body: { detail: expect.stringContaining(tcp.name) } });
  await coordinator.call("DELETE", `/v1/monitors/${body.id}`);
  expect(await retire("ap-south")).toEqual({ status: 204, body: null });
  expect((await retire("ap-south")).status).toBe(404);
  expect(await regions()).toEqual(["eu-west"]);
});

test("every check before and after a retirement is accounted for, and an agent brings the region back", {
  timeout: 60_000,
}, async () => {
  await abandonedRegions(coordinator, "af-south");
  await hasRegions("af-south", "eu-west");
  const { body } = await coordinator.call("POST", "/v1/monitors", tcp);
  const scheduled = () => agent.checks.filter(({ monitorId, attempt }) => monitorId === body.id && attempt === 0);
  await until(scheduled, ({ length }) => length >= 3);
  expect((await retire("af-south")).status).toBe(204);
  const retiredAt = Date.now();
  const { length } = scheduled();
  await until(scheduled, (checks) => checks.length >= length + 4);

  const stats = async () => (await coordinator.call("GET", `/v1/monitors/${body.id}/stats`)).body;
  const account = await until(stats, ({ to }) => Date.parse(to) > retiredAt + 3 * SLOT_MS, { withinMs: 30_000 });
  const [afSouth, euWest] = account.regions;
  const inWindow = scheduled().filter(
    ({ scheduledAt }) => scheduledAt >= Date.parse(account.from) && scheduledAt < Date.parse(account.to),
  );
  expect(euWest).toMatchObject({ region: "eu-west", scheduled: inWindow.length });
  // Not one of them is taken for one that was pushed.
  expect(afSouth).toMatchObject({
    region: "af-south",
    results: 0,
    missed: { no_agent: afSouth.scheduled, expired: 0 },
  });
  expect(afSouth.scheduled).toBeGreaterThan(0);
  expect(afSouth.scheduled).toBeLessThan(euWest.scheduled);

  // The region that is left has its turn elsewhere in the second: the schedule did follow.
  expect(new Set(scheduled().map(({ scheduledAt }) => scheduledAt % SLOT_MS)).size).toBe(2);

  const returned = await startHandAgent(coordinator, "af-south");
  onTestFinished(() => returned.stop());
  await hasRegions("af-south", "eu-west");
  await until(
    () => returned.checks,
    (checks) => checks.some(({ monitorId, attempt }) => monitorId === body.id && attempt === 0),
  );
});
