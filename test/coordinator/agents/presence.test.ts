import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import type { AgentProcess } from "../../support/agent-process.ts";
import { startAgentProcess } from "../../support/agent-process.ts";
import { watchpost } from "../../support/cli.ts";
import type { TestCoordinator } from "../../support/coordinator.ts";
import { adminToken, startTestCoordinator } from "../../support/coordinator.ts";
import { startRelay } from "../../support/relay.ts";
import type { Target } from "../../support/targets.ts";
import { httpTarget } from "../../support/targets.ts";
import { until } from "../../support/until.ts";

/** The agents are linked to the one coordinator; the other knows of them only through PostgreSQL and the results. */
let holder: TestCoordinator;
let other: TestCoordinator;
let target: Target;
const agents: AgentProcess[] = [];
beforeAll(async () => {
  holder = await startTestCoordinator();
  other = await holder.another();
  target = await httpTarget((_, response) => response.end("ok"));
});
afterAll(async () => {
  await Promise.all(agents.map((agent) => agent.end("SIGKILL")));
  await other?.stop();
  await Promise.all([holder?.stop(), target?.stop()]);
});

function start(id: string, region: string, env: NodeJS.ProcessEnv = {}, at = holder): AgentProcess {
  const agent = startAgentProcess(at, region, id, env);
  agents.push(agent);
  return agent;
}

const both = () => [holder, other];
const rowsOf = (id: string) =>
  Promise.all(both().map(async ({ call }) => (await call("GET", `/v1/agents/${id}`)).body));
const states = async (id: string) => (await rowsOf(id)).map(({ state }) => state).join();
const become = (id: string, state: string, withinMs = 10_000) =>
  until(
    () => states(id),
    (seen) => seen === `${state},${state}`,
    { withinMs },
  );

test("an agent tells how it is, on every coordinator, as JSON and at the terminal", async () => {
  start("agt-teller", "eu-north");
  await become("agt-teller", "online", 20_000);
  const [row] = await until(
    () => rowsOf("agt-teller"),
    ([one, two]) => one.load?.lastFetchAgoMs != null && two.load?.lastFetchAgoMs != null,
  );
  expect(row).toMatchObject({
    id: "agt-teller",
    region: "eu-north",
    online: true,
    drainedAt: null,
    load: {
      work: "taking",
      clockTrouble: null,
      inFlight: 0,
      capacity: 500,
      lateness: null,
      outbox: 0,
      outboxBytes: 0,
      spooled: 0,
      spoolBytes: 0,
      spoolMaxBytes: 100 * 2 ** 20,
      droppedAgoMs: null,
    },
  });
  expect(row.load.outboxMaxBytes).toBeGreaterThan(0);
  expect(row.load.rssBytes).toBeGreaterThan(10e6);
  expect(row.load.cpu).toBeGreaterThan(0);
  expect(row.load.clockErrorMs).toBeLessThan(500);
  const env = { WATCHPOST_URL: other.url, WATCHPOST_TOKEN: adminToken };
  const list = await watchpost(["agents"], env);
  expect(list.out).toMatch(/agt-teller +eu-north +online .* 0\/500 .* ± .* ms/);
  const shown = await watchpost(["agents", "show", "agt-teller"], env);
  expect(shown.out).toMatch(/^Agent +agt-teller\nRegion +eu-north\nState +online\n/);
  expect(shown.out).toMatch(/Takes +\d+ % of a core, \d+ MB\n/);
  expect((await watchpost(["agents", "show", "agt-nobody"], env)).code).toBe(1);
});

test("within ten seconds it is known of a frozen agent, a killed one and one that is cut off, and of their return", {
  timeout: 60_000,
}, async () => {
  const link = await startRelay(holder.url);
  const { options } = holder.queueServer as Extract<typeof holder.queueServer, { kind: "redis" }>;
  const queue = await startRelay(`redis://${options.host}:${options.port}`);
  onTestFinished(async () => {
    await Promise.all([link.stop(), queue.stop()]);
  });
  const queuePort = Number(new URL(queue.url).port);
  const frozen = start("agt-frozen", "eu-north");
  const killed = start("agt-killed", "eu-north");
  start("agt-cut", "eu-north", { REDIS_PORT: String(queuePort) }, { ...holder, url: link.url.replace(/\/$/, "") });
  const ids = ["agt-frozen", "agt-killed", "agt-cut"];
  await Promise.all(ids.map((id) => become(id, "online", 30_000)));
  frozen.freeze();
  link.cut();
  queue.cut();
  void killed.end("SIGKILL");
  await Promise.all(ids.map((id) => become(id, "offline")));
  frozen.thaw();
  link.mend();
  queue.mend();
  start("agt-killed", "eu-north");
  await Promise.all(["agt-frozen", "agt-killed"].map((id) => become(id, "online")));
  // One that was cut off waits up to 15 s before it tries again.
  await become("agt-cut", "online", 20_000);
});

test("an agent is drained and resumed through a coordinator that it is not linked to, and no check is lost", {
  timeout: 60_000,
}, async () => {
  start("agt-1st", "us-east");
  start("agt-2nd", "us-east");
  await Promise.all(["agt-1st", "agt-2nd"].map((id) => become(id, "online", 20_000)));
  const env = { WATCHPOST_URL: other.url, WATCHPOST_TOKEN: adminToken };
  const monitors = await Promise.all(
    Array.from({ length: 8 }, (_, n) =>
      holder.call("POST", "/v1/monitors", {
        name: `Drained ${n}`,
        type: "http",
        interval: "1s",
        regions: ["us-east"],
        http: { url: `http://127.0.0.1:${target.port}/${n}` },
      }),
    ),
  );
  const made = async () =>
    (
      await Promise.all(monitors.map(({ body }) => holder.call("GET", `/v1/monitors/${body.id}/results?limit=1000`)))
    ).flatMap(({ body }) => body.data as { agentId: string; scheduledAt: string }[]);
  const count = async (id: string, since: number) =>
    (await made()).filter(({ agentId, scheduledAt }) => agentId === id && Date.parse(scheduledAt) > since).length;
  await until(
    () => count("agt-1st", 0),
    (results) => results > 8,
  );

  const drained = await watchpost(["agents", "drain", "agt-1st"], env);
  expect(drained).toMatchObject({ code: 0, out: expect.stringContaining("takes no more checks") });
  await become("agt-1st", "drained", 15_000);
  expect((await other.call("GET", "/v1/audit")).body.data[0]).toMatchObject({
    actor: "admin",
    action: "agents.drain",
    subject: "agt-1st",
  });
  const since = Date.now();
  await until(
    () => count("agt-2nd", since),
    (results) => results > 24,
  );
  expect(await count("agt-1st", since)).toBe(0);

  // Neither a restart of the agent nor one of its coordinator has it take checks again.
  await agents.find(({ id }) => id === "agt-1st")?.end("SIGKILL");
  const again = start("agt-1st", "us-east", {}, other);
  await until(again.output, (output) => output.includes("Drained: no checks are taken"));
  await until(again.output, (output) => output.includes("BullMQ worker is ready"));
  await become("agt-1st", "drained");
  expect(await count("agt-1st", since)).toBe(0);

  expect((await watchpost(["agents", "resume", "agt-1st"], env)).code).toBe(0);
  await become("agt-1st", "online");
  await until(
    () => count("agt-1st", since),
    (results) => results > 0,
  );
  const stats = await until(
    async () =>
      Promise.all(monitors.map(async ({ body }) => (await holder.call("GET", `/v1/monitors/${body.id}/stats`)).body)),
    (all) => all.every(({ to }) => Date.parse(to) > Date.now() - 20_000 && Date.parse(to) > since + 5_000),
  );
  for (const { total } of stats) {
    expect(total.scheduled).toBeGreaterThan(5);
    expect(total).toMatchObject({ results: total.scheduled, coverage: 1 });
  }
});

test("a region whose agents are all drained has none that takes checks, and what is due there is accounted for", async () => {
  start("agt-lone", "sa-east");
  await become("agt-lone", "online", 20_000);
  expect((await holder.call("POST", "/v1/agents/agt-lone/drain")).status).toBe(200);
  await become("agt-lone", "drained", 15_000);
  const { body } = await holder.call("GET", "/v1/regions");
  expect(body.data.find(({ region }: any) => region === "sa-east").agents).toEqual({ online: 1, taking: 0, total: 1 });
  const monitor = await holder.call("POST", "/v1/monitors", {
    name: "Nobody there",
    type: "tcp",
    interval: "1s",
    regions: ["sa-east"],
    tcp: { host: "127.0.0.1", port: target.port },
  });
  const { total } = await until(
    async () => (await other.call("GET", `/v1/monitors/${monitor.body.id}/stats`)).body,
    ({ total: account }) => account.scheduled > 2,
  );
  expect(total).toMatchObject({ results: 0, missed: { no_agent: total.scheduled } });
});

test("only what is known is drained and resumed, and all processes of an agent at once", async () => {
  for (const id of ["agt-many-1", "agt-many-2"]) start(id, "af-south");
  await Promise.all(["agt-many-1", "agt-many-2"].map((id) => become(id, "online", 20_000)));
  expect((await holder.call("POST", "/v1/agents/agt-nobody/drain")).status).toBe(404);
  expect((await holder.call("POST", "/v1/agents/agt-nobody/resume")).status).toBe(404);
  const { body } = await holder.call("POST", "/v1/agents/agt-many/drain");
  expect(body.data.map(({ id }: any) => id)).toEqual(["agt-many-1", "agt-many-2"]);
  await Promise.all(["agt-many-1", "agt-many-2"].map((id) => become(id, "drained", 15_000)));
  expect(await holder.call("POST", "/v1/agents/agt-many-2/resume")).toMatchObject({
    status: 409,
    body: { detail: expect.stringContaining("resume agt-many.") },
  });
  expect((await holder.call("POST", "/v1/agents/agt-many/resume")).status).toBe(200);
  await Promise.all(["agt-many-1", "agt-many-2"].map((id) => become(id, "online")));
});
