import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { IncidentDetail, IncidentRow } from "../../../coordinator/http/api-types.ts";
import type { TestCoordinator } from "../../support/coordinator.ts";
import { startTestCoordinator } from "../../support/coordinator.ts";
import type { HandAgent } from "../../support/hand-agent.ts";
import { startHandAgent } from "../../support/hand-agent.ts";
import { anIncident, keepIncidents } from "../../support/incidents.ts";
import { until } from "../../support/until.ts";

const down = {
  status: "down",
  phases: { dnsMs: 1, connectMs: 2 },
  error: { code: "connect_refused", message: "refused" },
} as const;

let coordinator: TestCoordinator;
let agents: HandAgent[];
beforeAll(async () => {
  coordinator = await startTestCoordinator();
  agents = await Promise.all(["eu-west", "us-east"].map((region) => startHandAgent(coordinator, region)));
  await until(
    () => coordinator.call("GET", "/v1/regions"),
    ({ body }) => body.data.filter((region: any) => region.agents.online === 1).length === 2,
  );
});
afterAll(async () => {
  await Promise.all((agents ?? []).map((agent) => agent.stop()));
  await coordinator?.stop();
});

const get = async (path: string) => (await coordinator.call("GET", `/v1/incidents${path}`)).body;
const post = (path: string, body?: unknown) => coordinator.call("POST", `/v1/incidents/${path}`, body);
const idsOf = async (query: string): Promise<string[]> =>
  (await get(`?${query}`)).data.map(({ id }: IncidentRow) => id);
const metric = async (line: string) => {
  const text: string = (await coordinator.call("GET", "/metrics")).body;
  return Number(new RegExp(`^watchpost_${line} (.*)$`, "m").exec(text)?.[1]);
};

test("an outage is an incident from the target's first failure to its recovery, with evidence and its course", async () => {
  const { id: monitorId } = (
    await coordinator.call("POST", "/v1/monitors", {
      name: "Shop",
      type: "tcp",
      interval: "1h",
      tcp: { host: "127.0.0.1", port: 9 },
    })
  ).body;
  const first = await Promise.all(
    agents.map((agent) =>
      until(
        () => agent.checks.find((check) => check.monitorId === monitorId),
        (check) => check,
      ),
    ),
  );
  for (const [n, agent] of agents.entries()) await agent.answer(first[n] as never, down);
  const list = await until(
    () => get(`?state=open&monitor=${monitorId}`),
    ({ data }) => data.length === 1,
  );
  expect(list.nextCursor).toBeNull();
  const shown = (await get(`/${list.data[0].id}`)) as IncidentDetail;
  expect(shown).toMatchObject({
    monitorId,
    monitorName: "Shop",
    region: null,
    kind: "global",
    level: "down",
    state: "open",
    regions: ["eu-west", "us-east"],
    resolvedAt: null,
    acknowledgedAt: null,
    evidence: [
      { region: "eu-west", status: "down", phase: "connectMs", error: down.error, address: "127.0.0.1" },
      { region: "us-east", status: "down" },
    ],
    timeline: [{ type: "opened", data: { level: "down", kind: "global", startedAt: expect.stringMatching(/Z$/) } }],
    deliveries: [],
  });
  expect(Date.parse(shown.startedAt)).toBeLessThanOrEqual(Date.parse(shown.confirmedAt));
  expect(shown.durationMs).toBeGreaterThan(0);
  expect(await metric('incidents_open{kind="global",level="down"}')).toBe(1);
  expect(await metric('incidents_opened_total{kind="global",level="down"}')).toBe(1);
  expect(await metric("incident_detect_seconds_count")).toBe(1);
  expect(await metric("incident_confirm_seconds_count")).toBe(1);

  const later = (ms: number) =>
    first.map((check) => ({ ...(check as any), scheduledAt: Date.now() + ms, attempt: ms }));
  for (const [n, agent] of agents.entries()) await agent.answer(later(5)[n]);
  const resolved = (await until(
    () => get(`/${shown.id}`),
    ({ state }) => state === "resolved",
  )) as never as IncidentDetail;
  expect(resolved).toMatchObject({ resolution: "recovered", state: "resolved" });
  expect(resolved.durationMs).toBe(Date.parse(resolved.recoveredAt as string) - Date.parse(resolved.startedAt));
  expect(resolved.timeline.map(({ type }) => type)).toEqual(expect.arrayContaining(["opened", "resolved"]));
  expect(await idsOf(`state=open&monitor=${monitorId}`)).toEqual([]);
  expect(await metric('incidents_open{kind="global",level="down"}')).toBeNaN();

  await coordinator.call("DELETE", `/v1/monitors/${monitorId}`);
  expect((await get(`/${shown.id}`)).monitorName).toBe("Shop");
});

/** A cursor that nobody gave out. */
const forged = (position: object) => Buffer.from(JSON.stringify(position)).toString("base64url");

describe("a list of incidents", () => {
  const minute = 60_000;
  const start = Date.parse("2026-03-01T00:00:00Z");
  const monitorId = "mon_00000000000000000001";
  const made = Array.from({ length: 7 }, (_, n) =>
    anIncident({
      monitorId,
      // Two of them begin in the same millisecond.
      startedAt: start + Math.min(n, 5) * minute,
      resolvedAt: n === 6 ? null : start + Math.min(n, 5) * minute + 30_000,
      resolution: n === 6 ? null : "recovered",
      level: n % 2 === 0 ? "down" : "degraded",
    }),
  );
  const vantage = anIncident({
    monitorId: null,
    region: "ap-south",
    kind: "vantage",
    startedAt: start - minute,
    evidence: [],
  });
  const own = `monitor=${monitorId}`;
  beforeAll(() => keepIncidents(coordinator.databaseUrl, [...made, vantage]));

  const expected = made.toSorted((a, b) => b.startedAt - a.startedAt || (a.id < b.id ? 1 : -1)).map(({ id }) => id);

  test("is in pages, newest first, each once", async () => {
    const seen: string[] = [];
    let cursor = "";
    do {
      const { data, nextCursor } = await get(`?${own}&limit=3${cursor && `&cursor=${cursor}`}`);
      expect(data.length).toBeLessThanOrEqual(3);
      seen.push(...data.map(({ id }: IncidentRow) => id));
      cursor = nextCursor ?? "";
    } while (cursor);
    expect(seen).toEqual(expected);
  });

  test("is filtered by state, level, region and time", async () => {
    const ids = (...numbers: number[]) => numbers.map((n) => made[n]?.id).sort();
    const sorted = async (query: string) => (await idsOf(query)).sort();
    expect(await sorted(`${own}&state=open`)).toEqual(ids(6));
    expect(await sorted(`${own}&state=resolved`)).toEqual(ids(0, 1, 2, 3, 4, 5));
    expect(await sorted(`${own}&level=degraded`)).toEqual(ids(1, 3, 5));
    expect(await sorted(`${own}&region=us-east`)).toEqual(ids(0, 1, 2, 3, 4, 5, 6));
    expect(await sorted(`${own}&region=ap-south`)).toEqual([]);
    expect(await sorted("region=ap-south")).toEqual([vantage.id]);
    // One that was open when the window began is in it; one that began at its end is not.
    expect(await sorted(`${own}&from=2026-03-01T00:01:30Z&to=2026-03-01T00:03:00Z`)).toEqual(ids(1, 2));
    expect(await sorted(`${own}&from=2026-03-01T06:00:00Z`)).toEqual(ids(6));
  });

  test.each([
    ["state=closed", "state"],
    ["level=bad", "level"],
    ["region=EU", "region"],
    ["monitor=%00", "monitor"],
    ["from=yesterday", "from"],
    ["from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z", "to"],
    ["from=2026-02-31", "from"],
    ["from=2026-02-28T12:00:00", "from"],
    ["cursor=nonsense", "cursor"],
    [`cursor=${forged({ startedAt: 9e15, id: "x" })}`, "cursor"],
    [`cursor=${forged({ startedAt: -9e14, id: "x" })}`, "cursor"],
    [`cursor=${forged({ startedAt: 1, id: "a\0b" })}`, "cursor"],
    ["limit=0", "limit"],
    ["status=open", "status"],
  ])("refuses %s", async (query, field) => {
    const { status, body } = await coordinator.call("GET", `/v1/incidents?${query}`);
    expect({ status, field: body.errors?.[0]?.field }).toEqual({ status: 422, field });
  });
});

describe("people and an incident", () => {
  test("it is acknowledged once: by whom, with a note, and later calls change nothing", async () => {
    const incident = anIncident();
    await keepIncidents(coordinator.databaseUrl, [incident]);
    const { status, body } = await post(`${incident.id}/acknowledge`, { by: "Ada", note: "on it" });
    expect(status).toBe(200);
    expect(body).toMatchObject({ acknowledgedBy: "Ada", acknowledgedAt: expect.any(String), state: "open" });
    const again = await post(`${incident.id}/acknowledge`, { by: "Bob" });
    expect(again).toMatchObject({ status: 200, body: { acknowledgedBy: "Ada", acknowledgedAt: body.acknowledgedAt } });
    expect(again.body.timeline).toMatchObject([{ type: "acknowledged", data: { by: "Ada", note: "on it" } }]);
  });

  test("two who acknowledge at once are one acknowledgement", async () => {
    const incident = anIncident();
    await keepIncidents(coordinator.databaseUrl, [incident]);
    await Promise.all(
      ["Ada", "Bob", null].map((by) => post(`${incident.id}/acknowledge`, by === null ? undefined : { by })),
    );
    const { timeline } = await get(`/${incident.id}`);
    expect(timeline.map(({ type }: any) => type)).toEqual(["acknowledged"]);
  });

  test("what is resolved is not acknowledged, but noted", async () => {
    const incident = anIncident({ resolvedAt: Date.now(), recoveredAt: Date.now() - 10_000, resolution: "recovered" });
    await keepIncidents(coordinator.databaseUrl, [incident]);
    expect(await post(`${incident.id}/acknowledge`, {})).toMatchObject({ status: 409, body: { status: 409 } });
    const { status, body } = await post(`${incident.id}/notes`, { text: " It was DNS. ", by: "Ada" });
    expect(status).toBe(201);
    expect(body.timeline).toMatchObject([{ type: "note", data: { text: "It was DNS.", by: "Ada" } }]);
  });

  test.each([
    ["acknowledge", { by: "" }, "by"],
    ["acknowledge", { note: "a\0b" }, "note"],
    ["acknowledge", { who: "Ada" }, "who"],
    ["notes", {}, "text"],
    ["notes", { text: "  " }, "text"],
    ["notes", { text: "x".repeat(5_001) }, "text"],
  ])("%s refuses %j", async (what, body, field) => {
    const answer = await post(`inc_00000000000000000000/${what}`, body);
    expect({ status: answer.status, field: answer.body.errors?.[0]?.field }).toEqual({ status: 422, field });
  });

  test.each(["inc_00000000000000000000", "nothing", "%00"])("there is no incident %s", async (id) => {
    expect((await coordinator.call("GET", `/v1/incidents/${id}`)).status).toBe(404);
    expect((await post(`${id}/acknowledge`, {})).status).toBe(404);
    expect((await post(`${id}/notes`, { text: "x" })).status).toBe(404);
  });

  test("one that comes back is to be acknowledged anew, and what somebody did meanwhile stays", async () => {
    const incident = anIncident();
    await keepIncidents(coordinator.databaseUrl, [incident]);
    await post(`${incident.id}/acknowledge`, { by: "Ada" });
    // Judged while it was acknowledged.
    await keepIncidents(coordinator.databaseUrl, [{ ...incident, level: "degraded" }]);
    expect(await get(`/${incident.id}`)).toMatchObject({ level: "degraded", acknowledgedBy: "Ada" });
    const again = { reopened: 1, failedAgainAt: Date.now() - 20_000, wellMs: 30_000 };
    await keepIncidents(coordinator.databaseUrl, [{ ...incident, ...again }]);
    const shown = await get(`/${incident.id}`);
    expect(shown).toMatchObject({
      state: "open",
      acknowledgedAt: null,
      acknowledgedBy: null,
      ...again,
      failedAgainAt: expect.any(String),
    });
    // A minute since it began, and half of it was the target well.
    expect(shown.durationMs).toBeGreaterThanOrEqual(30_000);
    expect(shown.durationMs).toBeLessThan(60_000);
    expect((await post(`${incident.id}/acknowledge`, { by: "Bob" })).body.acknowledgedBy).toBe("Bob");
  });

  test("what was sent about it is shown with its channel", async () => {
    const incident = anIncident();
    await keepIncidents(coordinator.databaseUrl, [incident]);
    const client = new Client({ connectionString: coordinator.databaseUrl });
    await client.connect();
    try {
      await client.query(
        "INSERT INTO channels (id, name, type, settings) VALUES ('chn_a', 'On call', 'webhook', '{}')",
      );
      await client.query(
        `INSERT INTO deliveries (id, channel_id, incident_id, event, state, due_at, attempts, content, last_error)
         VALUES ('dlv_a', 'chn_a', $1, 'down', 'failed', now(), 3, '{}', 'status 500')`,
        [incident.id],
      );
      await client.query(
        `INSERT INTO deliveries (id, channel_id, incident_id, event, state, due_at, attempts, content, merged_into, ended_at)
         VALUES ('dlv_b', 'chn_a', NULL, 'down', 'sent', now(), 2, '{}', NULL, now()),
                ('dlv_c', 'chn_a', $1, 'down', 'merged', now(), 0, '{}', 'dlv_b', now() - interval '1 h')`,
        [incident.id],
      );
    } finally {
      await client.end();
    }
    const { deliveries } = await get(`/${incident.id}`);
    expect(deliveries).toMatchObject([
      {
        id: "dlv_a",
        channelName: "On call",
        event: "down",
        state: "failed",
        attempts: 3,
        lastError: "status 500",
        endedAt: null,
        channelType: "webhook",
        outcome: "failed",
      },
      // One that was told with others arrived as the message did that they are in.
      { id: "dlv_c", state: "merged", mergedInto: "dlv_b", outcome: "sent", attempts: 2, endedAt: expect.any(String) },
    ]);
    expect(Date.now() - Date.parse(deliveries[1].endedAt)).toBeLessThan(600_000);
  });
});
