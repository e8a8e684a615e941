import type { Notice } from "../../../../coordinator/notify/notice.ts";

/** A monitor that went down, as the three regions saw it. */
export function testNotice(changes: Partial<Notice> = {}): Notice {
  return {
    id: "ntc_4k2j9x",
    event: "down",
    severity: "critical",
    at: Date.UTC(2026, 0, 31, 12, 0, 5),
    title: "DOWN: Checkout API",
    lines: ["Target: https://shop.example/health_check", "eu-west: connect_refused", "us-east: connect_refused"],
    repeat: 0,
    key: "inc_7h3p1c",
    monitors: [
      { id: "mon_1", name: "Checkout API", type: "http", target: "https://shop.example/health_check", verdict: "down" },
    ],
    incident: {
      id: "inc_7h3p1c",
      kind: "global",
      startedAt: Date.UTC(2026, 0, 31, 12, 0, 0),
      detectedAt: Date.UTC(2026, 0, 31, 12, 0, 1),
      confirmedAt: Date.UTC(2026, 0, 31, 12, 0, 2),
      recoveredAt: null,
      durationMs: null,
    },
    trouble: null,
    evidence: [
      {
        region: "eu-west",
        status: "down",
        errorCode: "connect_refused",
        errorMessage: "connect ECONNREFUSED 203.0.113.7:443",
        phase: "connectMs",
        address: "203.0.113.7",
        latencyMs: 12.5,
      },
    ],
    url: "https://watch.example/#/incidents/inc_7h3p1c?a=1&b=2",
    ...changes,
  };
}

export const recovery = (): Notice =>
  testNotice({ id: "ntc_up", event: "up", severity: "ok", title: "UP: Checkout API", lines: ["Down for 3 min 20 s"] });

/** A monitor that is paused while it is down. */
export const closing = (): Notice =>
  testNotice({
    id: "ntc_closed",
    event: "closed",
    severity: "ok",
    title: "NO LONGER WATCHED: Checkout API (down for 3 min 20 s)",
    lines: ["Paused by admin"],
    closed: { reason: "paused", by: "admin" },
  });

/** A monitor whose results come again, and say that it is down. */
export const dataBack = (): Notice =>
  testNotice({
    ...{ id: "ntc_back", event: "data_back", severity: "ok", key: "mon_1", incident: null, evidence: [] },
    title: "DATA AGAIN: Checkout API (down)",
    lines: ["Results come again: it is down."],
  });

/** An agent that was missed and is not expected any more. */
export const gone = (): Notice => {
  const { at } = testNotice();
  const agent = { kind: "agent_offline", region: "eu-west", agentId: "agt_1" } as const;
  return testNotice({
    ...{ id: "ntc_gone", event: "agent_recovered", severity: "ok", key: "atr_1", incident: null, evidence: [] },
    title: "NOT EXPECTED ANY MORE: agt_1 in eu-west (after 3 min)",
    lines: [],
    monitors: [],
    trouble: { id: "atr_1", ...agent, since: at - 180_000, resolvedAt: at, resolution: "gone" },
  });
};

/** Markup, mentions and direction changes of every vendor. */
export const attack =
  "<!channel> <!here> <@U123> <#C1|x> @everyone @here @channel @all <users/all> @room [click](https://evil.example) " +
  "<a href='https://evil.example'>b</a> <b>bold</b> **bold** `code` ```block``` &lt; \"quoted\" \\ \u202egpj.exe \ud800 \0 \r\nBcc: x@evil.example";

/** Everything a target or a monitor's name can bring along, and far too much of it. */
export function hostileNotice(): Notice {
  const long = `${attack} ${'🧨"&<\\'.repeat(2_000)}`;
  return testNotice({
    id: `ntc ${attack}`,
    key: `inc/../${attack}${"k".repeat(10_000)}`,
    title: `DOWN: ${long}`,
    lines: [attack, "", ...Array.from({ length: 200 }, () => long)],
    monitors: Array.from({ length: 300 }, (_, index) => ({
      id: `mon_${index}`,
      name: long,
      type: "http" as const,
      target: long,
      verdict: "down" as const,
    })),
    evidence: Array.from({ length: 300 }, (_, index) => ({
      region: `region-${index}`,
      status: "down" as const,
      errorCode: "http_status" as const,
      errorMessage: long,
      phase: null,
      address: null,
      latencyMs: null,
    })),
  });
}

/** Far too much of what needs no escape. */
export function longNotice(): Notice {
  const long = "plain ".repeat(2_000);
  return testNotice({ title: long, lines: Array.from({ length: 20 }, () => long), key: "k".repeat(10_000) });
}
