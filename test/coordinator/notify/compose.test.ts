import { describe, expect, test } from "vitest";
import type { AgentTrouble } from "../../../coordinator/agents/trouble.ts";
import { beginning } from "../../../coordinator/agents/trouble.ts";
import type { Closing } from "../../../coordinator/incidents/follow.ts";
import type { Incident } from "../../../coordinator/incidents/incident.ts";
import { lookOf } from "../../../coordinator/notify/channels/text.ts";
import { compose } from "../../../coordinator/notify/compose.ts";
import { anIncident } from "../../support/incidents.ts";

const at = (clock: string) => Date.parse(`2026-03-01T${clock}Z`);
const monitor = { id: "mon_a", name: "Shop", type: "tcp", target: "shop.example:443", verdict: "down" } as const;
const told = (event: "down" | "up", incident: Incident) =>
  compose({ id: "n", event, at: at("12:10:00"), monitor, region: null, incident, trouble: null }, null);

/** Down for ten minutes, well for two, and down again. */
const again = anIncident({ startedAt: at("11:50:00"), failedAgainAt: at("12:02:00"), wellMs: 120_000, reopened: 1 });

test("trouble that came back is told with when it began to fail again, and for how long it was trouble", () => {
  expect(told("down", again)).toMatchObject({ title: "DOWN: Shop", incident: { durationMs: null } });
  expect(told("down", again).lines.slice(0, 3)).toEqual([
    "tcp shop.example:443",
    "Since 2026-03-01 12:02:00 UTC",
    "It began at 2026-03-01 11:50:00 UTC and has come back once.",
  ]);
  const over = told("up", { ...again, recoveredAt: at("12:05:00") });
  expect(over).toMatchObject({ title: "UP: Shop (after 13 min)", incident: { durationMs: 13 * 60_000 } });
  expect(told("down", anIncident({ startedAt: at("11:50:00") })).lines[1]).toBe("Since 2026-03-01 11:50:00 UTC");
});

test("a span is cut to its units, as it is where an incident is shown", () => {
  const over = anIncident({ startedAt: at("12:00:00"), recoveredAt: at("12:03:19") + 600 });
  expect(told("up", over).title).toBe("UP: Shop (after 3 min 19 s)");
});

describe("what is not watched any more", () => {
  const closed = (incident: Incident | null, closing: Closing, region: string | null = null) =>
    compose(
      {
        ...{ id: "n", event: "closed", at: at("12:10:00"), incident, trouble: null, region, closing },
        monitor: region === null ? monitor : null,
      },
      null,
    );

  test("is told with who saw to that, how it was and for how long, under the key of its trouble", () => {
    const incident = anIncident({ startedAt: at("12:00:00"), resolvedAt: at("12:10:00"), resolution: "paused" });
    const told = closed(incident, { reason: "paused", by: "Deploy bot", was: "down", forMs: 600_000 });
    expect(told).toMatchObject({
      title: "NO LONGER WATCHED: Shop (down for 10 min)",
      lines: [
        "tcp shop.example:443",
        "Paused by Deploy bot: whether it is well is not known.",
        "Since 2026-03-01 12:00:00 UTC",
      ],
      severity: "ok",
      key: incident.id,
      incident: { recoveredAt: null, durationMs: 600_000 },
      closed: { reason: "paused", by: "Deploy bot" },
    });
  });

  test("is told where nobody knows who did it, and of a silence, which is no incident", () => {
    const told = closed(null, { reason: "removed", by: null, was: "no_data", forMs: null });
    expect(told).toMatchObject({
      title: "NO LONGER WATCHED: Shop (no data)",
      lines: ["tcp shop.example:443", "Removed: whether it is well is not known."],
      key: "mon_a",
    });
  });

  test("can be a region", () => {
    const incident = anIncident({ monitorId: null, region: "eu", kind: "vantage", evidence: [] });
    const told = closed(incident, { reason: "removed", by: "admin", was: "impaired", forMs: 65_000 }, "eu");
    expect(told.title).toBe("NO LONGER WATCHED: region eu (impaired for 1 min 5 s)");
  });
});

test("that results come again is told with what they say, under the key of the silence", () => {
  const about = { at: at("12:10:00"), monitor, region: null, incident: null, trouble: null };
  const back = compose({ ...about, id: "n", event: "data_back", found: "degraded" }, "https://watch.example");
  expect(back).toMatchObject({
    title: "DATA AGAIN: Shop (degraded)",
    lines: ["tcp shop.example:443", "Results come again: it is degraded."],
    severity: "ok",
    key: compose({ ...about, id: "m", event: "no_data" }, null).key,
    incident: null,
    url: "https://watch.example/#/monitors/mon_a",
  });
});

test("trouble of an agent that is gone is told with how long it lasted, and not as if it were well", () => {
  const trouble: AgentTrouble = {
    ...{ id: "atr_1", kind: "agent_offline", region: "eu", agentId: "agt_1", agentName: "Rack 3", severity: "info" },
    ...{ detail: "", since: at("12:00:00"), openedAt: at("12:01:00"), ...beginning },
  };
  const over = (resolution: AgentTrouble["resolution"]) => {
    const about = { id: "n", at: at("12:10:00"), monitor: null, region: "eu", incident: null };
    const ended = { ...trouble, resolvedAt: at("12:10:00"), resolution };
    const notice = compose({ ...about, event: "agent_recovered", trouble: ended }, null);
    return [notice.title, lookOf(notice), notice.trouble?.resolution];
  };
  expect(over("gone")).toEqual(["NOT EXPECTED ANY MORE: Rack 3 in eu (after 10 min)", "ended", "gone"]);
  expect(over("recovered")).toEqual(["AGENT BACK: Rack 3 in eu (after 10 min)", "ok", "recovered"]);
});

test("a region that sees the target well again is not told of as failing", () => {
  const [eu, us] = again.evidence as Incident["evidence"];
  const { lines, evidence } = told("down", { ...again, evidence: [{ ...eu, backSince: at("12:03:00") }, us] as never });
  expect(lines.slice(3)).toEqual(["eu-west: up again", "us-east: down, connect_refused: refused (connect, 192.0.2.1)"]);
  expect(evidence).toMatchObject([
    { region: "eu-west", status: "up", errorCode: null, phase: null, latencyMs: null },
    { region: "us-east", status: "down", errorCode: "connect_refused", phase: "connectMs" },
  ]);
});
