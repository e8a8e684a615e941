import { describe, expect, it } from "vitest";
import { checkAgents } from "../../../../coordinator/cli/doctor/agents.ts";
import { checkAlerts } from "../../../../coordinator/cli/doctor/alerts.ts";
import { checkClocks } from "../../../../coordinator/cli/doctor/clock.ts";
import { checkCoordinator } from "../../../../coordinator/cli/doctor/coordinator.ts";
import { checkMonitors } from "../../../../coordinator/cli/doctor/monitors.ts";
import { checkClickHouse, checkPostgres, checkQueueServer } from "../../../../coordinator/cli/doctor/servers.ts";
import type { ApiView, Survey } from "../../../../coordinator/cli/doctor/survey.ts";
import { CommandFailure } from "../../../../coordinator/cli/failure.ts";
import type { AgentRow, AlertRuleRow, ChannelRow, MonitorRow } from "../../../../coordinator/http/api-types.ts";

const now = Date.UTC(2026, 0, 31, 12);
const api: ApiView = { regions: [], agents: [], monitors: [], rules: [], channels: [] };
const survey: Survey = { url: "http://there", readiness: {}, clockAhead: [-500, 600], api };
const silent = new CommandFailure(1, "not reachable", { remedy: "start it" });
const refused = new CommandFailure(2, "the coordinator refused the token", { remedy: "set WATCHPOST_TOKEN to its" });

describe("the coordinator", () => {
  it("is silent", () => {
    expect(checkCoordinator(silent)).toMatchObject([
      { state: "trouble", detail: "not reachable", remedy: "start it" },
      { check: "Admin token", state: "skipped" },
    ]);
  });

  it("lacks something and says why", () => {
    const readiness = { postgres: { ok: true }, queue: { ok: false, reason: "ECONNREFUSED" } };
    expect(checkCoordinator({ ...survey, readiness })[0]).toMatchObject({
      state: "trouble",
      detail: expect.stringContaining("queue (ECONNREFUSED)"),
    });
  });

  it("refuses the token", () => {
    expect(checkCoordinator({ ...survey, api: refused })[1]).toMatchObject({
      check: "Admin token",
      state: "trouble",
      remedy: "set WATCHPOST_TOKEN to its",
    });
  });
});

describe("the servers, without an address here", () => {
  const nowhere = { queueServer: null, databaseUrl: null, clickhouseUrl: null };

  it("are as the coordinator sees them", async () => {
    const readiness = { queue: { ok: true }, postgres: { ok: false, reason: "timeout" }, clickhouse: { ok: true } };
    const seen = { ...survey, readiness };
    expect(await checkQueueServer(nowhere, seen)).toMatchObject([{ state: "ok" }]);
    expect(await checkPostgres(nowhere, seen)).toMatchObject([
      { state: "trouble", detail: expect.stringContaining("timeout") },
    ]);
    expect(await checkClickHouse(nowhere, silent)).toMatchObject([
      { state: "skipped", detail: expect.stringContaining("CLICKHOUSE_URL is not set here") },
    ]);
  });
});

describe("the clocks", () => {
  it.each([
    [[-500, 600], "ok", "agrees"],
    [[900, 2_000], "ok", "agrees"],
    [[1_100, 2_200], "trouble", "2 s ahead of this machine's"],
    [[-61_000, -59_900], "trouble", "60 s behind this machine's"],
  ] as const)("of coordinator and this machine, %j ms apart, are %s", (clockAhead, state, detail) => {
    expect(checkClocks({ ...survey, clockAhead })[0]).toMatchObject({ state, detail: expect.stringContaining(detail) });
  });

  it("of agents are named when they are off", () => {
    const agent = (id: string, clockOffsetMs: number | null, online = true) =>
      ({ id, host: "here", online, load: { clockOffsetMs } }) as AgentRow;
    const of = (...agents: AgentRow[]) => checkClocks({ ...survey, api: { ...api, agents } })[1];
    expect(of(agent("a", 12), agent("b", null), agent("c", 9_000, false))).toMatchObject({ state: "ok" });
    expect(of(agent("a", 12), agent("b", -4_200))).toMatchObject({
      state: "trouble",
      detail: expect.stringMatching(/^off: b on here by -4200 ms/),
    });
  });
});

describe("the agents", () => {
  const regions = (online: number, taking: number, total: number) =>
    checkAgents({
      ...survey,
      api: {
        ...api,
        regions: [
          { region: "eu-west", agents: { online, taking, total }, lastResultAt: null, impaired: null, troubles: [] },
        ],
      },
    });

  it("are missing altogether", () => {
    expect(checkAgents(survey)).toMatchObject([
      { state: "trouble", remedy: expect.stringContaining("WATCHPOST_REGION") },
    ]);
  });

  it.each([
    [1, 1, 2, "ok", "1 of 2 online"],
    [2, 1, 2, "ok", "2 of 2 online, 1 of them take checks"],
    [1, 0, 2, "trouble", "1 of 2 online, none of which takes checks"],
    [0, 0, 2, "trouble", "none of 2 online"],
    [0, 0, 0, "trouble", "there is none"],
  ])("of a region are %d, %d of which take checks, of %d: %s", (online, taking, total, state, detail) => {
    expect(regions(online, taking, total)).toMatchObject([
      { check: "Agents of eu-west", state, detail: expect.stringContaining(detail) },
    ]);
  });
});

describe("the monitors", () => {
  const ago = (seconds: number) => new Date(now - seconds * 1_000).toISOString();
  const monitor = (changedAgo: number, checksAgo: number[], enabled = true) =>
    ({
      name: "Shop",
      enabled,
      interval: "30s",
      timeout: "10s",
      updatedAt: ago(changedAgo),
      status: { regions: Object.fromEntries(checksAgo.map((s, i) => [`r-${i}`, { lastCheckAt: ago(s) }])) },
    }) as unknown as MonitorRow;
  const of = (...monitors: MonitorRow[]) => checkMonitors({ ...survey, api: { ...api, monitors } }, now)[0];

  it("are checked when due: two intervals, the timeout and ten seconds may pass", () => {
    expect(of(monitor(3_600, [79, 500]))).toMatchObject({ state: "ok" });
    expect(of(monitor(3_600, [81, 500]))).toMatchObject({
      state: "trouble",
      detail: '1 of 1 enabled have no fresh result, such as "Shop"',
    });
  });

  it("are given time after a change", () => {
    expect(of(monitor(79, []))).toMatchObject({ state: "ok" });
    expect(of(monitor(81, []))).toMatchObject({ state: "trouble" });
  });

  it("cannot be checked by agents that are in trouble themselves", () => {
    const forbidden = { status: "error", error: { code: "address_forbidden" }, lastCheckAt: ago(1) };
    const fine = { status: "down", error: { code: "connect_refused" }, lastCheckAt: ago(1) };
    const failing = { ...monitor(3_600, []), status: { regions: { "eu-west": forbidden, "us-east": fine } } };
    const surveyed = { ...survey, api: { ...api, monitors: [failing as unknown as MonitorRow] } };
    expect(checkMonitors(surveyed, now)).toMatchObject([
      { check: "Monitors", state: "ok" },
      {
        check: "Checks",
        state: "trouble",
        detail: 'agents cannot check "Shop": address_forbidden',
        remedy: expect.stringContaining("WATCHPOST_ALLOW_PRIVATE_ADDRESSES=true"),
      },
    ]);
  });

  it("are all paused, or none", () => {
    expect(of(monitor(3_600, [], false))).toMatchObject({ state: "trouble", detail: "all 1 are paused" });
    expect(of()).toMatchObject({ state: "ok" });
  });
});

describe("the alerts", () => {
  const channel = { id: "chn_a", enabled: true } as ChannelRow;
  const rule = { enabled: true, steps: [{ after: "0ms", channels: ["chn_a"] }] } as unknown as AlertRuleRow;

  it.each([
    ["no rule", [], [channel], "advice"],
    ["a rule that is off", [{ ...rule, enabled: false }], [channel], "advice"],
    ["a rule whose channel is gone", [rule], [], "advice"],
    ["a rule whose channel is off", [rule], [{ ...channel, enabled: false }], "advice"],
    ["a rule with a channel", [rule], [channel], "ok"],
  ])("%s", (_, rules, channels, state) => {
    expect(checkAlerts({ ...survey, api: { ...api, rules, channels } })).toMatchObject([{ check: "Alerts", state }]);
  });
});
