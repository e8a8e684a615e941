import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import { watchpost } from "../../support/cli.ts";
import { adminToken, startTestCoordinator, type TestCoordinator } from "../../support/coordinator.ts";
import { anIncident, keepIncidents } from "../../support/incidents.ts";
import { until } from "../../support/until.ts";

let coordinator: TestCoordinator;
let monitorId: string;
const hostile = "refused\u001b[2J by 192.0.2.1";

beforeAll(async () => {
  coordinator = await startTestCoordinator();
  const { body } = await coordinator.call("POST", "/v1/monitors", {
    name: "Shop",
    type: "tcp",
    interval: "1h",
    slo: 99.9,
    tcp: { host: "127.0.0.1", port: 9 },
  });
  monitorId = body.id;
});
afterAll(() => coordinator?.stop());

const env = () => ({ WATCHPOST_URL: coordinator.url, WATCHPOST_TOKEN: adminToken, USER: "ada" });
const incidents = (...args: string[]) => watchpost(["incidents", ...args], env());

describe("watchpost incidents", () => {
  const start = Date.parse("2026-03-01T12:00:00Z");
  const over = anIncident({
    startedAt: start,
    resolvedAt: start + 250_000,
    recoveredAt: start + 200_000,
    resolution: "recovered",
  });
  const open = anIncident({ startedAt: Date.now() - 90_000, level: "degraded", kind: "regional" });
  beforeAll(async () => {
    const [first, ...others] = open.evidence;
    await keepIncidents(
      coordinator.databaseUrl,
      [
        { ...over, monitorId },
        {
          ...open,
          monitorId,
          evidence: [{ ...first, error: { code: "connect_refused", message: hostile } } as never, ...others],
        },
      ],
      [
        {
          type: "opened",
          at: over.confirmedAt,
          monitorId,
          incidentId: over.id,
          data: { level: "down", kind: "global" },
        },
        { type: "resolved", at: start + 250_000, monitorId, incidentId: over.id, data: { resolution: "recovered" } },
      ],
    );
  });

  it("lists them, newest first, by state, level, monitor and time", async () => {
    const { code, out } = await incidents();
    expect(code).toBe(0);
    const [head, first, second] = out.split("\n");
    expect(head).toMatch(/^STARTED +MONITOR +LEVEL +KIND +STATE +LASTED +REGIONS +ID$/);
    expect(first).toMatch(
      new RegExp(`^20\\S+Z +Shop +degraded +regional +open +1 min \\d+ s +eu-west, us-east +${open.id}$`),
    );
    expect(second).toMatch(
      new RegExp(`^2026-03-01T12:00:00.000Z +Shop +down +global +resolved +3 min 20 s .*${over.id}$`),
    );
    expect((await incidents("list")).out).toBe(out);
    const ids = async (...flags: string[]) =>
      JSON.parse((await incidents("list", "--json", ...flags)).out).map(({ id }: { id: string }) => id);
    expect(await ids("--state", "open")).toEqual([open.id]);
    expect(await ids("--level", "down", "--monitor", "Shop")).toEqual([over.id]);
    expect(await ids("--from", "5m", "--region", "us-east")).toEqual([open.id]);
    expect(await ids("--to", "2026-03-01T12:00:00Z")).toEqual([]);
    expect(await ids("--limit", "1")).toEqual([open.id]);
    expect((await incidents("--state", "open", "--level", "down")).out).toBe("No incidents.\n");
  });

  it("shows one with what each region saw and its course, and nothing that a terminal would obey", async () => {
    const { out } = await incidents("show", over.id);
    expect(out).toMatch(/^Shop: down, global, was so for 3 min 20 s\n/);
    expect(out).toContain("  recovered    2026-03-01T12:03:20.000Z\n");
    expect(out).toMatch(
      /^us-east +down +2026-03-01T12:00:00.000Z +2\.5 ms +connect +– +192\.0\.2\.1 +connect_refused: refused$/m,
    );
    expect(out).toMatch(/^2026-03-01T12:00:00.400Z +opened +down, global$/m);
    expect((await incidents("show", open.id)).out).toContain("connect_refused: refused [2J by 192.0.2.1");
    expect(JSON.parse((await incidents("show", over.id, "--json")).out)).toMatchObject({
      id: over.id,
      state: "resolved",
    });
  });

  it("acknowledges and notes, as the user of the terminal or who is named", async () => {
    expect(await incidents("ack", open.id, "--note", "on it")).toEqual({
      code: 0,
      out: "The incident of Shop is acknowledged by ada.\n",
      err: "",
    });
    expect((await incidents("note", open.id, "It was DNS.", "--by", "Bob")).out).toBe(
      "The incident of Shop is noted.\n",
    );
    const { out } = await incidents("show", open.id);
    expect(out).toMatch(/^20\S+Z +acknowledged +ada: on it$/m);
    expect(out).toMatch(/^20\S+Z +note +Bob: It was DNS\.$/m);
    expect((await incidents()).out).toMatch(/ acknowledged /);
  });

  it.each([
    [["show", "inc_none"], 1, "There is no incident inc_none."],
    [["note", "inc_none", "x"], 1, "There is no incident inc_none."],
    [["note", "inc_none", " "], 2, "text  must not be empty"],
    [["list", "--state", "closed"], 2, "Allowed choices are open, resolved"],
    [["show"], 2, "missing required argument"],
  ])("exits after %j with %d", async (args, code, message) => {
    expect(await incidents(...args)).toMatchObject({ code, err: expect.stringContaining(message) });
  });

  it("does not acknowledge what is resolved", async () => {
    expect(await incidents("ack", over.id)).toMatchObject({ code: 1, err: expect.stringContaining("is resolved") });
  });
});

it("shows a monitor's uptime in every window beside its coverage, with its outages and what is left of its budget", async () => {
  const { out } = await watchpost(["monitors", "show", "Shop"], env());
  expect(out).toMatch(/^LAST +UPTIME +COVERAGE +DOWN FOR +OUTAGES +TO DETECT +TO RECOVER +BUDGET LEFT OF 99.9 %$/m);
  expect(out).toMatch(/^24h .*\n7d .*\n30d .*\n90d /m);
});

describe("watchpost tail", () => {
  const listening = (count: number) =>
    until(
      async () => /^watchpost_live_clients (\d+)$/m.exec((await coordinator.call("GET", "/metrics")).body)?.[1],
      (clients) => clients === String(count),
    );

  it("prints what happens as it happens", async () => {
    const people = watchpost(["tail", "--monitor", "Shop", "--count", "3"], env());
    const program = watchpost(["tail", "--json", "--count", "3"], env());
    await listening(2);
    await coordinator.call("PATCH", `/v1/monitors/${monitorId}`, { enabled: false });
    const { code, out } = await people;
    expect(code).toBe(0);
    expect(out).toMatch(/^20\S+Z {2}monitor {3}Shop {2}changed$/m);
    expect(out).toMatch(/^20\S+Z {2}incident {2}Shop {2}resolved {2}paused, by admin {2}inc_\w+$/m);
    expect(out).toMatch(/^20\S+Z {2}paused {4}Shop$/m);
    const events = (await program).out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(events).toMatchObject([
      { type: "monitor", event: "changed", monitorId },
      { type: "incident", event: "resolved", incident: { monitorId, state: "resolved", resolution: "paused" } },
      { type: "verdict", verdict: "paused", monitorId },
    ]);
    await listening(0);
  });

  it("says when the token is refused, and when nobody is there", async () => {
    expect(await watchpost(["tail"], { ...env(), WATCHPOST_TOKEN: "wrong-token-of-some-length" })).toMatchObject({
      code: 2,
      err: expect.stringContaining("refused the token"),
    });
    expect(await watchpost(["tail"], { ...env(), WATCHPOST_URL: "http://127.0.0.1:1" })).toMatchObject({
      code: 1,
      err: expect.stringContaining("is not reachable at http://127.0.0.1:1"),
    });
  });

  it("goes on when the connection was lost, and says that something may be missing", async () => {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    await once(server, "listening");
    let connections = 0;
    server.on("connection", (client) => {
      client.send(JSON.stringify({ type: "welcome", v: 1, heartbeatMs: 60_000 }));
      if (++connections === 1) client.terminate();
    });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect(await watchpost(["tail", "--count", "1"], { ...env(), WATCHPOST_URL: url })).toMatchObject({
      code: 0,
      out: expect.stringContaining("some events may be missing here"),
      err: expect.stringContaining("trying again"),
    });
    server.close();
  });
});
