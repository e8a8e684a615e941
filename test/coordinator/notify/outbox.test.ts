import { Client } from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { newId } from "../../../shared/id.ts";
import type { TestCoordinator } from "../../support/coordinator.ts";
import { startTestCoordinator } from "../../support/coordinator.ts";
import { serveHttp } from "../../support/http-server.ts";
import { until } from "../../support/until.ts";

/** What is told of incidents that the test writes as the judge does: with their notices, in one transaction. */
let first: TestCoordinator;
let second: TestCoordinator;
let database: Client;
let receiver: Awaited<ReturnType<typeof serveHttp>>;
const received: Array<{
  readonly path: string;
  readonly title: string;
  readonly names: readonly string[];
  readonly count: number;
  readonly document: any;
}> = [];
let answer = (_title: string): number => 204;

beforeAll(async () => {
  receiver = await serveHttp(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const document = JSON.parse(String(Buffer.concat(chunks)));
    const { title, monitors, monitorCount: count } = document.data;
    received.push({ path: request.url ?? "", title, names: monitors.map(({ name }: any) => name), count, document });
    response.writeHead(answer(title)).end();
  });
  first = await startTestCoordinator("redis", { roles: ["api", "notify"] });
  second = await first.another();
  database = new Client({ connectionString: first.databaseUrl });
  await database.connect();
});
afterAll(async () => {
  await database?.end();
  await second?.stop();
  await first?.stop();
  await receiver?.stop();
});

beforeEach(async () => {
  answer = () => 204;
  received.length = 0;
  for (const list of ["alert-rules", "channels"]) {
    for (const { id } of (await first.call("GET", `/v1/${list}`)).body.data)
      await first.call("DELETE", `/v1/${list}/${id}`);
  }
});

async function channel(name: string): Promise<string> {
  const settings = { url: `${receiver.url}/${name}`, secrets: [`whsec_${Buffer.alloc(32, 7).toString("base64")}`] };
  const { status, body } = await first.call("POST", "/v1/channels", { name, type: "webhook", settings });
  expect(status, JSON.stringify(body)).toBe(201);
  return body.id;
}
async function rule(document: object, changes: object = {}): Promise<string> {
  const { status, body } = await first.call("POST", "/v1/alert-rules", { name: "all", group: "0s", ...document });
  expect(status, JSON.stringify(body)).toBe(201);
  // Shorter than the API takes.
  await database.query("UPDATE alert_rules SET spec = spec || $2 WHERE id = $1", [body.id, JSON.stringify(changes)]);
  return body.id;
}

interface Made {
  readonly id: string;
  readonly name: string;
  readonly incident: string;
}

/** Monitors that are up, and whose checks nobody waits for. */
async function make(...names: readonly string[]): Promise<Made[]> {
  const all = names.map((name) => ({ id: newId("mon"), name, incident: newId("inc") }));
  await database.query(
    `INSERT INTO monitors (id, spec)
     SELECT id, jsonb_build_object('name', name, 'type', 'tcp', 'enabled', true, 'intervalMs', 3600000, 'timeoutMs', 1000,
       'regions', 'all', 'quorum', 'majority', 'stagger', true, 'assertions', '[]'::jsonb, 'tags', '[]'::jsonb,
       'dependsOn', '[]'::jsonb, 'slo', null, 'tcp', '{"host": "127.0.0.1", "port": 9}'::jsonb)
     FROM unnest($1::text[], $2::text[]) AS m (id, name)`,
    [all.map(({ id }) => id), all.map(({ name }) => name)],
  );
  await database.query(
    "INSERT INTO monitor_revisions (monitor_id, revision, spec, valid_from) SELECT id, 1, spec, now() FROM monitors WHERE id = ANY($1)",
    [all.map(({ id }) => id)],
  );
  await database.query(
    `INSERT INTO monitor_status (monitor_id, verdict, state) SELECT id, 'up', '{"settled": "up"}' FROM unnest($1::text[]) AS id`,
    [all.map(({ id }) => id)],
  );
  return all;
}

let notices = 0;
async function tell(
  event: string,
  monitors: readonly Made[],
  incident: (of: Made) => object | null,
  more: object = {},
): Promise<void> {
  const number = ++notices;
  const at = new Date();
  const rows = monitors.map((monitor) => ({ monitor, content: { incident: incident(monitor), ...more } }));
  await database.query(
    `INSERT INTO notices (id, at, event, monitor_id, incident_id, content)
     SELECT id, $2, $3, monitor_id, incident_id, content
     FROM unnest($1::text[], $4::text[], $5::text[], $6::jsonb[]) AS n (id, monitor_id, incident_id, content)`,
    [
      rows.map(({ monitor }) => `${monitor.incident}-${number}`),
      at,
      event,
      rows.map(({ monitor }) => monitor.id),
      rows.map(({ monitor, content }) => (content.incident ? monitor.incident : null)),
      rows.map(({ content }) => JSON.stringify(content)),
    ],
  );
}

const incidentOf = (monitor: Made, recoveredAt: number | null = null) => ({
  ...{ id: monitor.incident, monitorId: monitor.id, region: null, kind: "global", level: "down", evidence: [] },
  ...{ startedAt: Date.now() - 1_000, detectedAt: Date.now(), confirmedAt: Date.now(), recoveredAt, notices: 1 },
  ...{ resolvedAt: recoveredAt, resolution: null, acknowledgedAt: null, acknowledgedBy: null, reopened: 0 },
});
async function inTransaction(work: () => Promise<void>): Promise<void> {
  await database.query("BEGIN");
  await work();
  await database.query("COMMIT");
}
const goDown = (monitors: readonly Made[], level = "down") =>
  inTransaction(async () => {
    await database.query(
      `INSERT INTO incidents (id, monitor_id, kind, level, started_at, detected_at, confirmed_at, evidence)
       SELECT id, monitor_id, 'global', $3, now(), now(), now(), '[]' FROM unnest($1::text[], $2::text[]) AS i (id, monitor_id)
       ON CONFLICT (id) DO UPDATE SET resolved_at = NULL, level = excluded.level`,
      [monitors.map(({ incident }) => incident), monitors.map(({ id }) => id), level],
    );
    await tell(level, monitors, incidentOf);
  });
const comeBack = (monitors: readonly Made[]) =>
  inTransaction(async () => {
    await database.query("UPDATE incidents SET resolved_at = now() WHERE id = ANY($1)", [
      monitors.map(({ incident }) => incident),
    ]);
    await tell("up", monitors, (monitor) => incidentOf(monitor, Date.now()));
  });
const settle = (monitors: readonly Made[], settled: string) =>
  database.query(
    `WITH told AS (INSERT INTO verdict_changes (monitor_id, at, verdict) SELECT unnest($1::text[]), clock_timestamp(), $2)
     UPDATE monitor_status SET verdict = $2, state = jsonb_build_object('settled', $2::text) WHERE monitor_id = ANY($1)`,
    [monitors.map(({ id }) => id), settled],
  );

const deliveries = async (monitors: readonly Made[], event: string) => {
  const { rows } = await database.query<{ state: string; repeat: number }>(
    "SELECT state, repeat FROM deliveries WHERE monitor_id = ANY($1) AND event = $2 ORDER BY created_at",
    [monitors.map(({ id }) => id), event],
  );
  return rows;
};
/** Waits until deliveries of an event have these states. */
const become = (monitors: readonly Made[], event: string, states: readonly string[]) =>
  until(
    async () => (await deliveries(monitors, event)).map(({ state }) => state),
    (now) => [...now].sort().join() === [...states].sort().join(),
  );
const titles = () => received.map(({ title }) => title.replace(/ \(after.*/, ""));

describe("many at once", () => {
  test("500 that go down together make one message, and so does their end, while two coordinators run", async () => {
    await rule({ group: "1s", steps: [{ channels: [await channel("many")] }] });
    const all = await make(...Array.from({ length: 500 }, (_, n) => `Node ${n}`));
    const half = all.slice(0, 250);
    await goDown(half);
    await goDown(all.slice(250));
    await until(
      () => received.length,
      (count) => count > 0,
    );
    await comeBack(all);
    await become(
      all,
      "up",
      all.map((_, n) => (n === 0 ? "sent" : "merged")),
    );
    expect(received.map(({ count }) => count)).toEqual([500, 500]);
  });

  test("who has recovered before it goes out is not in it, and hears of no end", async () => {
    await rule({ group: "2s", steps: [{ channels: [await channel("some")] }] });
    const [a, b, c] = (await make("A", "B", "C")) as [Made, Made, Made];
    await goDown([a, b, c]);
    await become([a], "down", ["planned"]);
    await comeBack([b]);
    await until(
      () => received.length,
      (count) => count === 1,
    );
    await comeBack([a, c]);
    await until(
      () => received.length,
      (count) => count === 2,
    );
    expect(received.map(({ names }) => [...names].sort())).toEqual([
      ["A", "C"],
      ["A", "C"],
    ]);
    expect(await deliveries([b], "up")).toEqual([]);
  });

  test("each of them is reminded of until it is over or acknowledged, whichever came first", async () => {
    await rule({ steps: [{ channels: [await channel("still")] }] }, { repeatMs: 1_500 });
    const all = (await make("A", "B", "C")) as [Made, Made, Made];
    await goDown(all);
    await until(
      () => received.length,
      (count) => count === 1,
    );
    const { rows } = await database.query(
      "SELECT monitor_id FROM deliveries WHERE state <> 'merged' AND monitor_id = ANY($1)",
      [all.map(({ id }) => id)],
    );
    // The one whose message the others were merged into.
    const leader = all.find(({ id }) => id === rows[0].monitor_id) as Made;
    const others = all.filter((one) => one !== leader);
    await comeBack([leader]);
    const reminder = () => received.find(({ title }) => title.startsWith("STILL"));
    await until(reminder, (found) => found !== undefined);
    expect([...(reminder()?.names ?? [])].sort()).toEqual(others.map(({ name }) => name).sort());
    await comeBack(others);
    await become(others, "up", ["merged", "sent"]);
  });
});

describe("the end of trouble", () => {
  test("comes after its beginning, also where that had to be sent again", async () => {
    await rule({ steps: [{ channels: [await channel("slow")] }] });
    const answers = [500];
    answer = () => answers.shift() ?? 204;
    const shop = await make("Shop");
    await goDown(shop);
    await until(
      () => received.length,
      (count) => count === 1,
    );
    await comeBack(shop);
    await become(shop, "up", ["sent"]);
    expect(titles()).toEqual(["DOWN: Shop", "DOWN: Shop", "UP: Shop"]);
  });

  test("is not told to who could not be told of the beginning", async () => {
    await rule({ steps: [{ channels: [await channel("gone")] }] });
    answer = () => 404;
    const shop = await make("Shop");
    await goDown(shop);
    await become(shop, "down", ["failed"]);
    await comeBack(shop);
    await become(shop, "up", ["cancelled"]);
    expect(titles()).toEqual(["DOWN: Shop"]);
  });

  test("is told to who heard, though the rule is gone by then", async () => {
    const id = await rule({ steps: [{ channels: [await channel("left")] }] });
    const shop = await make("Shop");
    await goDown(shop);
    await become(shop, "down", ["sent"]);
    await first.call("DELETE", `/v1/alert-rules/${id}`);
    await comeBack(shop);
    await become(shop, "up", ["sent"]);
  });

  test("is told once for each time, and not again where the last time was too short to be told", async () => {
    const chat = await channel("short");
    const id = await rule({ steps: [{ channels: [chat] }] });
    const shop = await make("Shop");
    await goDown(shop);
    await become(shop, "down", ["sent"]);
    await comeBack(shop);
    await become(shop, "up", ["sent"]);
    const patient = { name: "all", group: "0s", delay: "1h", steps: [{ channels: [chat] }] };
    expect((await first.call("PUT", `/v1/alert-rules/${id}`, patient)).status).toBe(200);
    await goDown(shop);
    await become(shop, "down", ["sent", "planned"]);
    await comeBack(shop);
    await become(shop, "up", ["sent", "cancelled"]);
    expect(titles()).toEqual(["DOWN: Shop", "UP: Shop"]);
  });
});

describe("what nobody watches any more", () => {
  const pause = ({ id }: Made) => first.call("PATCH", `/v1/monitors/${id}`, { enabled: false });
  const remove = ({ id }: Made) => first.call("DELETE", `/v1/monitors/${id}`);

  test.each([
    ["paused", pause, "Paused by admin: whether it is well is not known."],
    ["removed", remove, "Removed by admin: whether it is well is not known."],
  ])("is told as %s to those who heard of its trouble, and what waits is called off", async (reason, end, why) => {
    const [heard, later] = [await channel("heard"), await channel("later")];
    await rule({ repeat: "5m", steps: [{ channels: [heard] }, { after: "1h", channels: [await channel("boss")] }] });
    await rule({ delay: "1h", steps: [{ channels: [later] }] });
    const [shop, till] = (await make("Shop", "Till")) as [Made, Made];
    await goDown([shop]);
    // The first message is out, its reminder, the next step and who hears later wait.
    await become([shop], "down", ["sent", "planned", "planned", "planned"]);
    await goDown([till]);
    await become([till], "down", ["sent", "planned", "planned", "planned"]);
    expect((await end(shop)).status).toBeLessThan(300);
    await become([shop], "closed", ["sent"]);
    await become([shop], "down", ["sent", "cancelled", "cancelled", "cancelled"]);
    await become([till], "down", ["sent", "planned", "planned", "planned"]);
    expect(received.map(({ path }) => path)).toEqual(["/heard", "/heard", "/heard"]);
    const { data, type } = received[2]?.document ?? {};
    expect(type).toBe("closed");
    expect(data.title).toMatch(/^NO LONGER WATCHED: Shop \(down for \d+ s\)$/);
    expect(data).toMatchObject({ key: shop.incident, severity: "ok", closed: { reason, by: "admin" } });
    expect(data.lines).toContain(why);
    expect(data.monitors).toMatchObject([{ id: shop.id, name: "Shop", target: "127.0.0.1:9" }]);
    expect(data.incident).toMatchObject({ recoveredAt: null, durationMs: expect.any(Number) });
    const incident = (await first.call("GET", `/v1/incidents/${shop.incident}`)).body;
    expect(incident).toMatchObject({ state: "resolved", resolution: reason, monitorName: "Shop" });
    expect(incident.timeline.at(-1)).toMatchObject({ type: "resolved", data: { resolution: reason, by: "admin" } });
  });

  test("is told by the name of the API token that was used", async () => {
    await rule({ steps: [{ channels: [await channel("bot")] }] });
    const token = (await first.call("POST", "/v1/tokens", { name: "Deploy bot", scope: "write" })).body;
    const shop = await make("Shop");
    await goDown(shop);
    await become(shop, "down", ["sent"]);
    await fetch(`${first.url}/v1/monitors/${shop[0]?.id}`, {
      method: "DELETE",
      headers: { authorization: `Bearer ${token.token}` },
    });
    await become(shop, "closed", ["sent"]);
    expect(received[1]?.document.data.closed).toEqual({ reason: "removed", by: "Deploy bot" });
  });

  test("makes one message where it is many", async () => {
    await rule({ group: "2s", steps: [{ channels: [await channel("sweep")] }] });
    const all = await make("A", "B", "C", "D");
    await goDown(all);
    await become(all, "down", ["sent", "merged", "merged", "merged"]);
    await Promise.all(all.map(remove));
    await become(all, "closed", ["sent", "merged", "merged", "merged"]);
    const { data } = received[1]?.document ?? {};
    expect(data.title).toMatch(/^NO LONGER WATCHED: 4 monitors \(/);
    expect(data.keys.toSorted()).toEqual(all.map(({ incident }) => incident).sort());
    for (const line of data.lines) expect(line).toMatch(/^NO LONGER WATCHED: [ABCD] \(down for /);
  });

  test("is told where there was no data, and of what flapped, and not of what is well", async () => {
    await rule({ events: ["down", "up", "no_data", "flapping"], steps: [{ channels: [await channel("odd")] }] });
    const [silent, flapping, well] = (await make("Silent", "Flapping", "Well")) as [Made, Made, Made];
    const state = (of: Made, verdict: string, changes: object) =>
      database.query("UPDATE monitor_status SET verdict = $2, state = state || $3 WHERE monitor_id = $1", [
        of.id,
        verdict,
        JSON.stringify(changes),
      ]);
    await state(silent, "unknown", { settled: "unknown", silent: true });
    await tell("no_data", [silent], () => null);
    await become([silent], "no_data", ["sent"]);
    for (const one of [flapping, well]) {
      await goDown([one]);
      await become([one], "down", ["sent"]);
      await comeBack([one]);
      await become([one], "up", ["sent"]);
    }
    await state(flapping, "up", { flapping: true });
    await tell("flapping", [flapping], incidentOf);
    await become([flapping], "flapping", ["sent"]);
    expect((await pause(well)).status).toBe(200);
    // One after the other: of two that are paused together one message may tell.
    for (const one of [flapping, silent]) {
      expect((await pause(one)).status).toBe(200);
      await become([one], "closed", ["sent"]);
    }
    expect(await deliveries([well], "closed")).toEqual([]);
    const closings = received.filter(({ document }) => document.type === "closed").map(({ document }) => document.data);
    expect(closings.map(({ key, title }) => [key, title.replace(/\d+ s/, "n s")]).sort()).toEqual(
      [
        [flapping.incident, "NO LONGER WATCHED: Flapping (flapping)"],
        [silent.id, "NO LONGER WATCHED: Silent (no data for n s)"],
      ].sort(),
    );
    // Paused again, or removed after that, is no news.
    for (const one of [flapping, silent]) expect((await remove(one)).status).toBe(204);
    const { rows } = await database.query("SELECT FROM notices WHERE event = 'closed' AND monitor_id = ANY($1)", [
      [silent.id, flapping.id],
    ]);
    expect(rows).toHaveLength(2);
  });

  test("can be an impaired region that is retired", async () => {
    const events = ["region_impaired", "region_recovered"];
    await rule({ events, steps: [{ channels: [await channel("place")] }] });
    const incident = newId("inc");
    await database.query("INSERT INTO regions (region) VALUES ('far-away')");
    await inTransaction(async () => {
      await database.query(
        "INSERT INTO region_impairments (region, from_at, bad_at, reason, incident_id) VALUES ('far-away', now(), now(), 'x', $1)",
        [incident],
      );
      await database.query(
        `INSERT INTO incidents (id, region, kind, level, started_at, detected_at, confirmed_at, notices, evidence)
         VALUES ($1, 'far-away', 'vantage', 'degraded', now(), now(), now(), 1, '[]')`,
        [incident],
      );
      const content = {
        incident: { ...incidentOf({ id: "", name: "", incident }), kind: "vantage", region: "far-away" },
      };
      await database.query(
        "INSERT INTO notices (id, at, event, region, incident_id, content) VALUES ($1, now(), 'region_impaired', 'far-away', $2, $3)",
        [`${incident}-1`, incident, JSON.stringify(content)],
      );
    });
    const told = (count: number) =>
      until(
        () => received,
        ({ length }) => length === count,
      );
    await told(1);
    expect((await first.call("DELETE", "/v1/regions/far-away")).status).toBe(204);
    await told(2);
    const { data } = received[1]?.document ?? {};
    expect(data.title).toMatch(/^NO LONGER WATCHED: region far-away \(impaired for \d+ s\)$/);
    expect(data).toMatchObject({ key: incident, closed: { reason: "removed", by: "admin" } });
    const { body } = await first.call("GET", `/v1/incidents/${incident}`);
    expect(body).toMatchObject({ state: "resolved", resolution: "removed" });
    const { rows } = await database.query("SELECT FROM region_impairments WHERE region = 'far-away' AND to_at IS NULL");
    expect(rows).toEqual([]);
  });
});

test("what a channel was told stays when it is removed, under its name, and nothing more is sent to it", async () => {
  const [old, other] = [await channel("old"), await channel("other")];
  await rule({ repeat: "5m", steps: [{ channels: [old] }, { after: "1h", channels: [other] }] });
  const [shop, till] = (await make("Shop", "Till")) as [Made, Made];
  await goDown([shop]);
  await become([shop], "down", ["sent", "planned", "planned"]);
  answer = () => 404;
  await goDown([till]);
  await become([till], "down", ["failed", "planned", "planned"]);
  const [failed] = (await first.call("GET", "/v1/deliveries?state=failed")).body.data;
  expect((await first.call("DELETE", `/v1/channels/${old}`)).status).toBe(204);
  expect((await first.call("DELETE", `/v1/channels/${old}`)).status).toBe(404);
  await become([shop], "down", ["sent", "cancelled", "planned"]);
  const told = (await first.call("GET", `/v1/incidents/${shop.incident}`)).body.deliveries;
  expect(told.map(({ channelName, state }: any) => [channelName, state]).sort()).toEqual([
    ["old (removed)", "cancelled"],
    ["old (removed)", "sent"],
    ["other", "planned"],
  ]);
  expect((await first.call("GET", "/v1/channels")).body.data.map(({ id }: any) => id)).toEqual([other]);
  expect((await first.call("GET", "/v1/deliveries?state=failed")).body.data).toEqual([]);
  const again = await first.call("POST", `/v1/deliveries/${failed.id}/retry`);
  expect(again).toMatchObject({ status: 409, body: { detail: expect.stringContaining("channel was removed") } });
  const { rows } = await database.query("SELECT settings, enabled FROM channels WHERE id = $1", [old]);
  expect(rows).toEqual([{ settings: {}, enabled: false }]);
  // Its name is free.
  expect(await channel("old")).not.toBe(old);
});

test("trouble that ends within the delay and begins again is told when that has lasted as long", async () => {
  const id = await rule({ delay: "1h", steps: [{ channels: [await channel("again")] }] });
  const shop = await make("Shop");
  await goDown(shop);
  await become(shop, "down", ["planned"]);
  await comeBack(shop);
  // At once, and not when it would have been due: by then it may have begun again.
  await become(shop, "down", ["cancelled"]);
  await database.query("UPDATE alert_rules SET spec = spec || $2 WHERE id = $1", [id, '{"delayMs": 0}']);
  await goDown(shop);
  await become(shop, "down", ["cancelled", "sent"]);
  expect(titles()).toEqual(["DOWN: Shop"]);
});

test("what has become worse within the delay is told as what it is", async () => {
  await rule(
    { events: ["down", "degraded", "up"], steps: [{ channels: [await channel("worse")] }] },
    { delayMs: 1_500 },
  );
  const shop = await make("Shop");
  await goDown(shop, "degraded");
  await become(shop, "degraded", ["planned"]);
  await goDown(shop, "down");
  await become(shop, "down", ["sent"]);
  expect([titles(), (await deliveries(shop, "degraded")).map(({ state }) => state)]).toEqual([
    ["DOWN: Shop"],
    ["cancelled"],
  ]);
});

test("that no results come is told until they do, and their return to who heard that they did not", async () => {
  const events = ["no_data", "up"];
  const heard = await rule({ events, steps: [{ channels: [await channel("silence")] }] }, { repeatMs: 1_000 });
  const shop = await make("Shop");
  await settle(shop, "unknown");
  await tell("no_data", shop, () => null);
  await until(titles, (all) => all.includes("STILL NO DATA: Shop"));
  await settle(shop, "up");
  await tell("up", shop, () => null);
  await until(titles, (all) => all.includes("UP: Shop"));
  await until(
    () => deliveries(shop, "no_data"),
    (all) => all.at(-1)?.state === "cancelled",
  );
  // Another time it is over before the delay.
  received.length = 0;
  await database.query("UPDATE alert_rules SET spec = spec || $2 WHERE id = $1", [heard, '{"delayMs": 3600000}']);
  const till = await make("Till");
  await settle(till, "unknown");
  await tell("no_data", till, () => null);
  await become(till, "no_data", ["planned"]);
  await settle(till, "up");
  await tell("up", till, () => null);
  await become(till, "no_data", ["cancelled"]);
  expect(await deliveries(till, "up")).toEqual([]);
});

describe("that results come again, and that it is down", () => {
  const events = ["no_data", "up"];
  const comeDown = async (monitors: readonly Made[]) => {
    await settle(monitors, "down");
    await tell("data_back", monitors, () => null, { found: "down" });
    await goDown(monitors);
  };
  const stop = async (monitors: readonly Made[], incident: (of: Made) => object | null = () => null) => {
    await settle(monitors, "unknown");
    await tell("no_data", monitors, incident);
  };

  test("ends the silence for who heard of that alone, each time that they were told, and its reminders", async () => {
    const id = await rule({ events, repeat: "5m", steps: [{ channels: [await channel("few")] }] });
    const shop = await make("Shop");
    await stop(shop);
    await become(shop, "no_data", ["sent", "planned"]);
    await comeDown(shop);
    await become(shop, "data_back", ["sent"]);
    await become(shop, "no_data", ["sent", "cancelled"]);
    await comeBack(shop);
    // Another time it is over before the delay.
    await database.query("UPDATE alert_rules SET spec = spec || $2 WHERE id = $1", [id, '{"delayMs": 3600000}']);
    await stop(shop);
    await become(shop, "no_data", ["sent", "cancelled", "planned"]);
    await comeDown(shop);
    await become(shop, "no_data", ["sent", "cancelled", "cancelled"]);
    await become(shop, "data_back", ["sent", "cancelled"]);
    expect(titles()).toEqual(["NO DATA: Shop", "DATA AGAIN: Shop (down)"]);
    expect(received.map(({ document }) => [document.type, document.data.key])).toEqual([
      ["no_data", shop[0]?.id],
      ["data_back", shop[0]?.id],
    ]);
  });

  test("makes one message where it is many, also where that they stopped had to be sent again", async () => {
    await rule({ events, group: "1s", steps: [{ channels: [await channel("sweep")] }] });
    const answers = [500];
    answer = () => answers.shift() ?? 204;
    const all = await make("A", "B", "C");
    await stop(all);
    await become(all, "no_data", ["queued", "merged", "merged"]);
    await comeDown(all);
    await become(all, "data_back", ["sent", "merged", "merged"]);
    expect(titles().map((title) => title.replace(/[(].*/, ""))).toEqual([
      "NO DATA: 3 monitors ",
      "NO DATA: 3 monitors ",
      "DATA AGAIN: 3 monitors ",
    ]);
    const { lines, keys } = received.at(-1)?.document.data ?? {};
    expect(lines).toContain("DATA AGAIN: A (down)");
    expect(keys.toSorted()).toEqual(all.map(({ id }) => id).sort());
  });

  test("and stop again while it is down, is reminded of as what it is now", async () => {
    await rule({ events, repeat: "5m", steps: [{ channels: [await channel("again")] }] });
    const shop = await make("Shop");
    await goDown(shop);
    await stop(shop, incidentOf);
    await become(shop, "no_data", ["sent", "planned"]);
    await settle(shop, "down");
    await stop(shop, incidentOf);
    await become(shop, "no_data", ["sent", "planned", "sent", "planned"]);
    await database.query("UPDATE deliveries SET due_at = now() WHERE state = 'planned' AND monitor_id = $1", [
      shop[0]?.id,
    ]);
    await become(shop, "no_data", ["sent", "cancelled", "sent", "sent", "planned"]);
    expect(titles()).toEqual(["NO DATA: Shop", "NO DATA: Shop", "STILL NO DATA: Shop"]);
  });
});

test.each([
  ["removed", (path: string) => first.call("DELETE", path)],
  [
    "made for other monitors",
    async (path: string) => {
      const { body } = await first.call("GET", path);
      const { id: _, ...document } = body;
      return await first.call("PUT", path, { ...document, tags: ["other"] });
    },
  ],
])("what waits to be told is called off when its rule is %s", async (_, change) => {
  const id = await rule({ steps: [{ channels: [await channel("called-off")] }] }, { delayMs: 1_500 });
  const shop = await make("Shop");
  await goDown(shop);
  await become(shop, "down", ["planned"]);
  expect((await change(`/v1/alert-rules/${id}`)).status).toBeLessThan(300);
  await become(shop, "down", ["cancelled"]);
  expect(received).toEqual([]);
});
