import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { AgentLoad } from "../../../shared/agent-message.ts";
import { idle } from "../../support/agent-link.ts";
import { watchpost } from "../../support/cli.ts";
import type { TestCoordinator } from "../../support/coordinator.ts";
import { adminToken, startTestCoordinator } from "../../support/coordinator.ts";
import { type HandAgent, startHandAgent } from "../../support/hand-agent.ts";
import { type LiveClient, lookOn } from "../../support/live-client.ts";
import { type Receiver, startReceiver } from "../../support/receiver.ts";
import { until } from "../../support/until.ts";

let one: TestCoordinator;
let two: TestCoordinator;
let receiver: Receiver;
let looker: LiveClient;
let load: AgentLoad = { ...idle, work: "taking", clockTrouble: null };
const agents: HandAgent[] = [];

beforeAll(async () => {
  receiver = await startReceiver();
  one = await startTestCoordinator("redis", { publicUrl: "https://watch.example/" });
  two = await one.another({ publicUrl: "https://watch.example/" });
  const { body: channel } = await one.call("POST", "/v1/channels", {
    name: "hook",
    type: "webhook",
    settings: { url: receiver.url, secrets: [`whsec_${Buffer.alloc(32, 7).toString("base64")}`] },
  });
  await one.call("POST", "/v1/alert-rules", {
    name: "agents",
    events: ["agent_trouble"],
    group: "0s",
    steps: [{ channels: [channel.id] }],
  });
  await one.call("POST", "/v1/monitors", {
    name: "Everywhere",
    type: "tcp",
    interval: "1h",
    tcp: { host: "127.0.0.1", port: 9 },
  });
  looker = await lookOn(two.url, adminToken);
  agents.push(await startHandAgent(one, "eu"), await startHandAgent(two, "eu", { load: () => load }));
});
afterAll(async () => {
  looker?.stop();
  await Promise.all(agents.map((agent) => agent.stop()));
  await two?.stop();
  await one?.stop();
  await receiver?.stop();
});

const openNow = async (): Promise<string[]> =>
  (await one.call("GET", "/v1/agent-troubles?state=open")).body.data.map(({ kind }: { kind: string }) => kind).sort();
const told = (event: string) => receiver.received.map(({ body }) => body).filter(({ type }) => type === event);

test("a region without agents, a full spool, a refused clock: each is told once and its end once, by two coordinators", {
  timeout: 150_000,
}, async () => {
  const lost = await startHandAgent(one, "us");
  const refusing = agents[1] as HandAgent;
  load = {
    ...load,
    work: "idle",
    clockTrouble: "the clock's offset jumped 3 times within 60 s",
    spooled: 90,
    spoolBytes: 95,
    spoolMaxBytes: 100,
  };
  await lost.stop();
  await until(openNow, (kinds) => kinds.join() === "clock_refused,region_without_agents,spool_full", {
    withinMs: 70_000,
  });
  await receiver.hears(3);

  const titles = told("agent_trouble").map(({ data }) => data.title);
  expect(titles.sort()).toEqual([
    `AGENT'S CLOCK REFUSED: ${refusing.id} in eu`,
    `AGENT'S SPOOL FULL: ${refusing.id} in eu`,
    "NO AGENTS: region us",
  ]);
  const region = told("agent_trouble").find(({ data }) => data.trouble.kind === "region_without_agents");
  expect(region.data).toMatchObject({
    severity: "warning",
    url: "https://watch.example/#/agents",
    monitorCount: 0,
    trouble: { region: "us", agentId: null, resolvedAt: null },
    lines: [
      "None of its agents takes checks: 1 offline.",
      "Nothing is checked from there until an agent takes checks again.",
      expect.stringMatching(/^Since /),
    ],
  });

  const row = (await two.call("GET", `/v1/agents/${refusing.id}`)).body;
  expect(row.state).toBe("clock_refused");
  expect(row.troubles.map(({ kind }: { kind: string }) => kind).sort()).toEqual(["clock_refused", "spool_full"]);
  const places = (await two.call("GET", "/v1/regions")).body.data;
  expect(places.find((place: any) => place.region === "us").troubles).toMatchObject([
    { kind: "region_without_agents" },
  ]);
  const metrics = (await two.call("GET", "/metrics")).body;
  expect(metrics).toContain('watchpost_agent_troubles_open{region="us",kind="region_without_agents"} 1');
  expect(metrics).toContain('watchpost_agents{region="eu",state="clock_refused"} 1');
  expect(metrics).toContain(`watchpost_agent_spool_bytes{agent="${refusing.id}",region="eu"} 95`);
  const env = { WATCHPOST_URL: two.url, WATCHPOST_TOKEN: adminToken };
  expect((await watchpost(["agents"], env)).out).toMatch(new RegExp(`${refusing.id} +eu +clock refused .*spool full`));
  expect((await watchpost(["regions"], env)).out).toMatch(/us +0\/1 online .*no agents/);

  load = { ...idle, work: "taking", clockTrouble: null };
  agents.push(await startHandAgent(two, "us"));
  await until(openNow, (kinds) => !kinds.includes("clock_refused") && !kinds.includes("region_without_agents"), {
    withinMs: 30_000,
  });
  await receiver.hears(5);
  // Both coordinators have looked again by now, several times.
  await sleep(3_000);
  expect(
    told("agent_recovered")
      .map(({ data }) => [data.title.replace(/ \(after .*\)$/, ""), data.severity])
      .sort(),
  ).toEqual([
    [`AGENT'S CLOCK RIGHT AGAIN: ${refusing.id} in eu`, "ok"],
    ["AGENTS AGAIN: region us", "ok"],
  ]);
  expect(receiver.received).toHaveLength(5);
  const keys = told("agent_recovered").map(({ data }) => data.key);
  expect(told("agent_trouble").map(({ data }) => data.key)).toEqual(expect.arrayContaining(keys));
  const heard = looker.heard
    .filter((event) => event.type === "agent")
    .map(({ event, trouble }) => [event, trouble.kind]);
  expect(heard).toHaveLength(5);
  expect(heard).toEqual(expect.arrayContaining([["recovered", "region_without_agents"]]));
});
