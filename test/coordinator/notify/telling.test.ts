import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Check } from "../../../shared/check.ts";
import type { TestCoordinator } from "../../support/coordinator.ts";
import { startTestCoordinator } from "../../support/coordinator.ts";
import type { HandAgent } from "../../support/hand-agent.ts";
import { startHandAgent } from "../../support/hand-agent.ts";
import { until } from "../../support/until.ts";

/** A receiver of webhooks, and what it got. */
const received: Array<{ readonly path: string; readonly body: any }> = [];
let answer = (_request: IncomingMessage, response: ServerResponse): void => void response.writeHead(204).end();
const receiver = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  received.push({ path: request.url ?? "", body: flat(JSON.parse(Buffer.concat(chunks).toString())) });
  answer(request, response);
});
const flat = ({ id, type, data }: any) => ({ id, event: type, ...data });
const down = { status: "down", error: { code: "connect_refused", message: "refused" } } as const;

const settings = { publicUrl: "https://watch.example/", channelTimeoutS: 2 };
let first: TestCoordinator;
let second: TestCoordinator;
let agents: HandAgent[];
let place: string;

beforeAll(async () => {
  receiver.listen(0, "127.0.0.1");
  await once(receiver, "listening");
  place = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  first = await startTestCoordinator("redis", settings);
  second = await first.another(settings);
  agents = await Promise.all(["eu", "us"].map((region) => startHandAgent(first, region)));
  await until(
    () => first.call("GET", "/v1/regions"),
    ({ body }) => body.data.filter((region: any) => region.agents.online === 1).length === 2,
  );
});
afterAll(async () => {
  await Promise.all((agents ?? []).map((agent) => agent.stop()));
  await second?.stop();
  await first?.stop();
  receiver.close();
});

beforeEach(async () => {
  answer = (_request, response) => void response.writeHead(204).end();
  received.length = 0;
  for (const list of ["alert-rules", "channels"]) {
    for (const { id } of (await first.call("GET", `/v1/${list}`)).body.data)
      await first.call("DELETE", `/v1/${list}/${id}`);
  }
});

async function channel(name: string): Promise<string> {
  const settings = { url: `${place}/${name}`, secrets: [`whsec_${Buffer.alloc(32, 7).toString("base64")}`] };
  const { status, body } = await first.call("POST", "/v1/channels", { name, type: "webhook", settings });
  expect(status, JSON.stringify(body)).toBe(201);
  return body.id;
}

async function rule(changes: object): Promise<string> {
  const { status, body } = await first.call("POST", "/v1/alert-rules", { name: "all", group: "0s", ...changes });
  expect(status, JSON.stringify(body)).toBe(201);
  return body.id;
}

/** A monitor that both regions see up. */
async function monitor(name: string, changes: object = {}) {
  const document = { name, type: "tcp", interval: "1h", tcp: { host: "127.0.0.1", port: 9 }, ...changes };
  const { body } = await first.call("POST", "/v1/monitors", document);
  /** By its instant: a check may be asked for that lies a little ahead, and one that is due before it after that. */
  const latest = (agent: HandAgent) =>
    agent.checks
      .filter(({ monitorId }) => monitorId === body.id)
      .toSorted((a, b) => a.scheduledAt - b.scheduledAt)
      .at(-1) as Check;
  for (const agent of agents)
    await until(
      () => latest(agent),
      (check) => check !== undefined,
    );
  let n = 0;
  /** Both find the same until the verdict says so: what one said is overtaken where it was just asked again. */
  const turn = (found: object, wanted: string) =>
    until(
      async () => {
        const { verdict } = (await first.call("GET", `/v1/monitors/${body.id}`)).body.status;
        if (verdict === wanted) return true;
        n++;
        for (const agent of agents) {
          const check = latest(agent);
          await agent.answer({ ...check, scheduledAt: check.scheduledAt + n, attempt: check.attempt + n }, found);
        }
        return false;
      },
      (done) => done,
      { everyMs: 300 },
    );
  await turn({}, "up");
  return { id: body.id as string, goDown: () => turn(down, "down"), comeBack: () => turn({}, "up") };
}

const iso = (ms: number) => new Date(Date.now() + ms).toISOString();
const told = (count: number) =>
  until(
    () => received,
    ({ length }) => length >= count,
  );
const idle = () =>
  until(
    async () => (await first.call("GET", "/v1/deliveries?limit=1000")).body.data,
    (all) => all.every(({ state }: any) => !["queued", "sending"].includes(state)),
  );

test("an outage and its end are told once each, with evidence and duration, while two coordinators run", async () => {
  await rule({ steps: [{ channels: [await channel("once")] }] });
  const shop = await monitor("Shop");
  await shop.goDown();
  await told(1);
  await shop.comeBack();
  await told(2);
  await idle();
  expect(received.map(({ body }) => body.event)).toEqual(["down", "up"]);
  const [began, ended] = received.map(({ body }) => body);
  expect(began.title).toBe("DOWN: Shop");
  expect(began.evidence.map(({ region }: any) => region)).toEqual(["eu", "us"]);
  expect(began.url).toBe(`https://watch.example/#/incidents/${began.incident.id}`);
  expect(ended.incident.id).toBe(began.incident.id);
  expect(ended.incident.durationMs).toBeGreaterThanOrEqual(0);
});

test("a receiver that answers 429 and 500 is told later, once; one that refuses is not asked again, and can be retried", async () => {
  const answers = [429, 500, 204];
  answer = (_request, response) => void response.writeHead(answers.shift() ?? 204, { "retry-after": "1" }).end();
  await rule({ steps: [{ channels: [await channel("busy")] }] });
  const shop = await monitor("Busy");
  await shop.goDown();
  await until(
    async () => (await first.call("GET", "/v1/deliveries?state=sent")).body.data,
    (sent) => sent.some(({ monitorId, attempts }: any) => monitorId === shop.id && attempts === 3),
    { withinMs: 20_000 },
  );
  expect(new Set(received.map(({ body }) => body.id)).size).toBe(1);
  answer = (_request, response) => void response.writeHead(404).end("gone");
  await shop.comeBack();
  const failed = await until(
    async () => (await first.call("GET", "/v1/deliveries?state=failed")).body.data,
    (some) => some.some(({ monitorId }: any) => monitorId === shop.id),
  );
  expect(failed[0]).toMatchObject({ event: "up", lastError: expect.stringContaining("404") });
  answer = (_request, response) => void response.writeHead(204).end();
  expect((await first.call("POST", `/v1/deliveries/${failed[0].id}/retry`)).status).toBe(202);
  await until(
    async () => (await first.call("GET", `/v1/deliveries/${failed[0].id}`)).body.state,
    (state) => state === "sent",
  );
}, 60_000);

test("where nobody knows whether a message arrived, a reminder follows while the trouble lasts", async () => {
  const document = { name: "silent", type: "slack", settings: { url: `${place}/silent` } };
  const { body: chat } = await first.call("POST", "/v1/channels", document);
  await rule({ steps: [{ channels: [chat.id] }] });
  const shop = await monitor("Unheard");
  answer = () => undefined;
  await shop.goDown();
  const own = async (state: string) =>
    (await first.call("GET", `/v1/deliveries?state=${state}`)).body.data.filter(
      ({ monitorId }: any) => monitorId === shop.id,
    );
  const [reminder] = await until(
    () => own("planned"),
    // Before it is sent, the message itself is planned.
    ([planned]) => planned?.repeat === 1,
  );
  const [unheard] = await own("uncertain");
  expect(unheard).toMatchObject({ event: "down", attempts: 1 });
  expect(Date.parse(reminder.dueAt) - Date.parse(unheard.endedAt)).toBeGreaterThan(55_000);
  expect(reminder).toMatchObject({ event: "down", repeat: 1, title: "STILL DOWN: Unheard" });
  answer = (_request, response) => void response.writeHead(204).end();
  await shop.comeBack();
  await told(2);
  await idle();
  expect(received.map(({ path }) => path)).toEqual(["/silent", "/silent"]);
}, 60_000);

test("trouble that is over before the delay is not told, nor is its end", async () => {
  await rule({ delay: "1h", steps: [{ channels: [await channel("patient")] }] });
  const shop = await monitor("Patient");
  await shop.goDown();
  await until(
    async () => (await first.call("GET", "/v1/deliveries?state=planned")).body.data,
    (planned) => planned.some(({ monitorId }: any) => monitorId === shop.id),
  );
  await shop.comeBack();
  await idle();
  expect(received).toEqual([]);
});

test("many monitors that go down at once make one message", async () => {
  await rule({ group: "5s", steps: [{ channels: [await channel("many")] }] });
  const all = await Promise.all(["A", "B", "C"].map((name) => monitor(name)));
  await Promise.all(all.map(({ goDown }) => goDown()));
  await told(1);
  await idle();
  expect(received).toHaveLength(1);
  expect(received[0]?.body.monitors.map(({ name }: any) => name).sort()).toEqual(["A", "B", "C"]);
}, 60_000);

test("while a parent is down its children are not told of", async () => {
  await rule({ steps: [{ channels: [await channel("family")] }] });
  const parent = await monitor("Router");
  const child = await monitor("Shop behind it", { dependsOn: [parent.id] });
  await parent.goDown();
  await told(1);
  await child.goDown();
  await child.comeBack();
  await parent.comeBack();
  await told(2);
  await idle();
  expect(received.map(({ body }) => body.title.split(" (")[0])).toEqual(["DOWN: Router", "UP: Router"]);
}, 60_000);

test("what is due while its monitor is in maintenance waits until the end", async () => {
  await rule({ delay: "1s", steps: [{ channels: [await channel("windowed")] }] });
  const shop = await monitor("Windowed");
  await shop.goDown();
  const window = { name: "now", monitors: [shop.id], when: { once: { from: iso(-60_000), to: iso(3_600_000) } } };
  const { status, body } = await first.call("POST", "/v1/maintenance", window);
  expect(status, JSON.stringify(body)).toBe(201);
  await until(
    async () => (await first.call("GET", `/v1/monitors/${shop.id}`)).body.status.verdict,
    (verdict) => verdict === "maintenance",
  );
  const isPutOff = async () => {
    const { body: planned } = await first.call("GET", "/v1/deliveries?state=planned");
    const own = planned.data.find(({ monitorId }: any) => monitorId === shop.id);
    return own !== undefined && Date.parse(own.dueAt) > Date.parse(own.createdAt) + 2_500;
  };
  await until(isPutOff, (is) => is);
  expect(received).toEqual([]);
  await first.call("DELETE", `/v1/maintenance/${body.id}`);
  await told(1);
  expect(received[0]?.body.title).toBe("DOWN: Windowed");
}, 60_000);

test("a rule tells by tag only of what it is about", async () => {
  await rule({ tags: ["prod"], steps: [{ channels: [await channel("tagged")] }] });
  const other = await monitor("Other");
  const mine = await monitor("Mine", { tags: ["prod"] });
  await other.goDown();
  await mine.goDown();
  await told(1);
  await idle();
  expect(received.map(({ body }) => body.title)).toEqual(["DOWN: Mine"]);
});

test("secrets never come out, and leave as they are when they come back hidden", async () => {
  const id = await channel("secret");
  const { body } = await first.call("GET", `/v1/channels/${id}`);
  expect(JSON.stringify(body)).not.toContain("whsec");
  const { createdAt: _, updatedAt: __, id: ___, ...document } = body;
  expect((await first.call("PUT", `/v1/channels/${id}`, { ...document, name: "renamed" })).status).toBe(200);
  const { body: asked } = await first.call("POST", `/v1/channels/${id}/test`);
  await told(1);
  await until(
    async () => (await first.call("GET", `/v1/deliveries/${asked.deliveryId}`)).body.state,
    (state) => state === "sent",
  );
  expect(received[0]?.body.event).toBe("test");
});

test.each([
  [{ steps: [{ channels: ["chn_00000000000000000000"] }] }, "steps.0.channels.0"],
  [{ steps: [] }, "steps"],
  [{ steps: [{ channels: ["x"] }] }, "steps.0.channels.0"],
  [{ repeat: "1s", steps: [{ channels: ["chn_00000000000000000000"] }] }, "repeat"],
  [{ quietHours: { timeZone: "Mars/Base", from: "22:00", to: "07:00" }, steps: [] }, "quietHours.timeZone"],
])("a rule %j is refused, naming %s", async (changes, field) => {
  const { status, body } = await first.call("POST", "/v1/alert-rules", { name: "bad", ...changes });
  expect(status).toBe(422);
  expect(body.errors.map((error: { field: string }) => error.field)).toContain(field);
});
