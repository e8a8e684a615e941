import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Check } from "../../../shared/check.ts";
import type { Result } from "../../../shared/result.ts";
import type { TestCoordinator } from "../../support/coordinator.ts";
import { startTestCoordinator } from "../../support/coordinator.ts";
import type { HandAgent } from "../../support/hand-agent.ts";
import { startHandAgent } from "../../support/hand-agent.ts";
import { serveHttp } from "../../support/http-server.ts";
import { until } from "../../support/until.ts";

/** Who is told that results stop, and that they come again, as the judge finds it. */
let coordinator: TestCoordinator;
let receiver: Awaited<ReturnType<typeof serveHttp>>;
let agent: HandAgent;
let answering: NodeJS.Timeout;
/** What the agent finds of a monitor; nothing is heard of those that are not here. */
const finds = new Map<string, Partial<Result>>();
const received: Array<{ readonly path: string; readonly body: any }> = [];

beforeAll(async () => {
  receiver = await serveHttp(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    received.push({ path: request.url ?? "", body: JSON.parse(String(Buffer.concat(chunks))) });
    // As Slack and PagerDuty answer.
    response.writeHead(202).end(request.url === "/v2/enqueue" ? '{"status":"success"}' : "ok");
  });
  coordinator = await startTestCoordinator("redis");
  agent = await startHandAgent(coordinator, "eu", { confirms: false });
  const answered = new Set<Check>();
  answering = setInterval(() => {
    for (const check of agent.checks) {
      const found = finds.get(check.monitorId);
      if (answered.has(check) || check.scheduledAt > Date.now()) continue;
      answered.add(check);
      if (found) void agent.answer(check, found);
    }
  }, 50);
});
afterAll(async () => {
  clearInterval(answering);
  await agent?.stop();
  await coordinator?.stop();
  await receiver?.stop();
});

const down = { status: "down", error: { code: "connect_refused", message: "refused" } } as const;
const degraded = { status: "degraded" } as const;

async function made(path: string, document: object): Promise<string> {
  const { status, body } = await coordinator.call("POST", path, document);
  expect(status, JSON.stringify(body)).toBe(201);
  return body.id;
}

/** Has people and a service that keeps alerts told of everything of a monitor, and others of its silences alone. */
async function tellOf(monitor: string, name: string): Promise<void> {
  const people = (who: string) =>
    made("/v1/channels", { name: `${who} ${name}`, type: "slack", settings: { url: `${receiver.url}/${who}` } });
  const settings = { routingKey: "a".repeat(32), apiUrl: receiver.url };
  const pager = made("/v1/channels", { name: `pager ${name}`, type: "pagerduty", settings });
  const rule = (events: readonly string[], channels: readonly string[]) =>
    made("/v1/alert-rules", { name, monitors: [monitor], group: "0s", events, repeat: "5m", steps: [{ channels }] });
  await rule(["down", "degraded", "up", "no_data"], [await people("all"), await pager]);
  await rule(["no_data", "up"], [await people("few")]);
}

/** A monitor that is up, how it becomes otherwise, and what is told of it. */
async function monitor(name: string) {
  const tcp = { host: "127.0.0.1", port: 9 };
  const id = await made("/v1/monitors", { name, type: "tcp", interval: "2s", timeout: "1s", tcp });
  const path = `/v1/monitors/${id}`;
  await tellOf(id, name);
  const become = async (found: Partial<Result> | null, wanted: string): Promise<void> => {
    if (found) finds.set(id, found);
    else finds.delete(id);
    await until(
      async () => (await coordinator.call("GET", path)).body.status.verdict,
      (verdict) => verdict === wanted,
    );
  };
  const texts = (channel: string): string[] =>
    received
      .filter(({ path, body }) => path === `/${channel}` && body.text.includes(name))
      .map(({ body }) => body.text.replace(/ \((after|degraded for) .*/, ""));
  const deliveries = async (): Promise<any[]> =>
    (await coordinator.call("GET", "/v1/deliveries?limit=1000")).body.data.filter(
      ({ monitorId }: any) => monitorId === id,
    );
  await become({}, "up");
  return {
    id,
    path,
    become,
    /** Waits until this is what a channel was told. */
    told: (channel: string, ...wanted: readonly string[]) =>
      until(
        () => texts(channel),
        (now) => now.join() === wanted.join(),
      ),
    /** Waits until alerts of these kinds are open. */
    open: (...kinds: readonly string[]) =>
      until(
        async () => {
          const about = new Set((await deliveries()).flatMap(({ incidentId }) => [id, incidentId]));
          return alerts().filter((key) => about.has(key.replace("-lesser", "")));
        },
        (now) => now.map((key) => key.replace(/_[0-9a-z]+/, "")).join() === kinds.join(),
      ),
    /** Waits until nothing is on its way or planned. */
    done: () => until(deliveries, (all) => all.every(({ state }) => ["sent", "merged", "cancelled"].includes(state))),
  };
}

/** The alerts that are open. */
function alerts(): string[] {
  const open = new Set<string>();
  for (const { body } of received.filter(({ path }) => path === "/v2/enqueue")) {
    if (body.event_action === "trigger") open.add(body.dedup_key);
    else open.delete(body.dedup_key);
  }
  return [...open].sort();
}

describe.concurrent("a silence that ends with trouble", () => {
  test("is over for all who heard of it, and then the trouble is", async () => {
    const shop = await monitor("Shop");
    await shop.become(null, "unknown");
    await shop.told("few", "🟠 NO DATA: Shop");
    await shop.told("all", "🟠 NO DATA: Shop");
    await shop.open("mon");
    await shop.become(down, "down");
    await shop.told("few", "🟠 NO DATA: Shop", "⚪ DATA AGAIN: Shop (down)");
    await shop.open("inc");
    await shop.become({}, "up");
    await shop.told("all", "🟠 NO DATA: Shop", "🔴 DOWN: Shop", "🟢 UP: Shop");
    await shop.open();
    await shop.done();
    await shop.told("few", "🟠 NO DATA: Shop", "⚪ DATA AGAIN: Shop (down)");
  }, 60_000);

  test("is over after maintenance, and the trouble when it is paused", async () => {
    const till = await monitor("Till");
    await till.become(null, "unknown");
    await till.told("few", "🟠 NO DATA: Till");
    const [from, to] = [-60_000, 3_600_000].map((ms) => new Date(Date.now() + ms).toISOString());
    const window = await made("/v1/maintenance", { name: "now", monitors: [till.id], when: { once: { from, to } } });
    await till.become(degraded, "maintenance");
    await coordinator.call("DELETE", `/v1/maintenance/${window}`);
    await till.become(degraded, "degraded");
    await till.told("few", "🟠 NO DATA: Till", "⚪ DATA AGAIN: Till (degraded)");
    await till.open("inc-lesser");
    await coordinator.call("PATCH", till.path, { enabled: false });
    await till.told("all", "🟠 NO DATA: Till", "🟠 DEGRADED: Till", "⚪ NO LONGER WATCHED: Till");
    await till.open();
    await till.done();
    await till.told("few", "🟠 NO DATA: Till", "⚪ DATA AGAIN: Till (degraded)");
  }, 60_000);
});
