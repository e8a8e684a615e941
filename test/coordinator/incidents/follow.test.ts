import { expect, test } from "vitest";
import { follow } from "../../../coordinator/incidents/follow.ts";
import type { Evidence, Incident } from "../../../coordinator/incidents/incident.ts";
import type { Effect } from "../../../coordinator/verdict/state.ts";
import type { Settled } from "../../../coordinator/verdict/verdict.ts";
import { anIncident } from "../../support/incidents.ts";

const settled = (from: Settled, to: Settled, before: Settled | null = null): Effect<any> => ({
  type: "settled",
  at: 100_000,
  begunAt: 100_000,
  from,
  to,
  suspectedAt: null,
  before,
  evidence: [],
});

const course = (incident: Incident | null, effect: Effect<any>, evidenceOf?: (vote: any) => Evidence) =>
  follow({
    monitorId: "mon_a",
    incident,
    effects: [effect],
    flapping: false,
    settled: "unknown",
    graceMs: 300_000,
    newId: () => "inc_new",
    evidenceOf: evidenceOf ?? (() => expect.fail("nobody saw anything")),
  });

const over = anIncident({ startedAt: 1_000, recoveredAt: 2_000, resolvedAt: 3_000, resolution: "recovered" });

test.each([
  ["stop", settled("up", "unknown"), "no_data"],
  ["come again", settled("unknown", "up", "up"), "up"],
])("that results %s is no news of an incident that is over", (_, effect, event) => {
  const { incident, news } = course(over, effect);
  expect(incident).toBeNull();
  expect(news).toEqual([{ event, at: 100_000, monitorId: "mon_a", incident: null }]);
});

test("that results stop while an incident is open is news of it", () => {
  const open = anIncident();
  const { news } = course(open, settled("down", "unknown"));
  expect(news).toMatchObject([{ event: "no_data", incident: { id: open.id } }]);
});

test.each(["down", "degraded"] as const)("that results come again is news beside what they find, be it %s", (level) => {
  const back = { event: "data_back", at: 100_000, monitorId: "mon_a", incident: null, found: level };
  const { incident, news } = course(over, settled("unknown", level, "up"));
  expect(news).toEqual([back, { event: level, at: 100_000, monitorId: "mon_a", incident }]);
  const reopened = course({ ...over, recoveredAt: 99_000 }, settled("unknown", level, "up"));
  expect(reopened.incident?.id).toBe(over.id);
  expect(reopened.news).toMatchObject([back, { event: level, incident: { id: over.id } }]);
});

test.each([
  ["the first ever, or missing for the sake of impaired regions", over, null, ["down"]],
  ["of an incident within which they were missing", anIncident(), "down", []],
] as const)("that results come again is no news of its own where they are %s", (_, incident, before, events) => {
  const { news } = course(incident, settled("unknown", "down", before));
  expect(news.map(({ event }) => event)).toEqual(events);
});

/** What regions saw, such as `a:down`, since an instant. */
const saw = (since: number, ...told: string[]): any[] =>
  told.map((text) => {
    const [region, status] = text.split(":");
    return { ...(anIncident().evidence[0] as Evidence), region, status, since, checkedAt: since };
  });
const asSeen = (vote: any): Evidence => vote;

test("trouble that comes back within the grace time is the same incident, told anew: who had it in hand was told that it is over", () => {
  const acknowledged = { ...over, acknowledgedAt: 1_500, acknowledgedBy: "Ada", wellMs: 50, reopened: 1 };
  const again = { ...settled("up", "down"), at: 310_000, begunAt: 302_000, evidence: saw(302_000, "a:down") } as any;
  const { incident, timeline, news } = course(acknowledged, again, asSeen);
  expect(incident).toMatchObject({
    id: over.id,
    startedAt: 1_000,
    confirmedAt: over.confirmedAt,
    recoveredAt: null,
    resolvedAt: null,
    resolution: null,
    acknowledgedAt: null,
    acknowledgedBy: null,
    reopened: 2,
    failedAgainAt: 302_000,
    wellMs: 300_050,
  });
  expect(timeline).toMatchObject([{ type: "reopened", data: { level: "down", startedAt: 302_000 } }]);
  expect(news).toMatchObject([{ event: "down", incident: { id: over.id, notices: over.notices + 1 } }]);
  // By the target's own times: five minutes after its recovery, however long it took to confirm.
  expect(course(acknowledged, { ...again, begunAt: 302_001 }, asSeen).incident?.id).toBe("inc_new");

  const well = { ...settled("down", "up"), at: 400_000, begunAt: 100 } as any;
  expect(course(incident, well).incident).toMatchObject({ recoveredAt: 302_000, resolution: "recovered" });
});

test("a region that sees the target well again while others do not stays a witness", () => {
  const opened = course(
    null,
    { ...settled("up", "down"), evidence: saw(90_000, "a:down", "b:down", "c:up") } as any,
    asSeen,
  );
  expect(opened.incident).toMatchObject({ kind: "global", startedAt: 100_000 });
  const changed = (at: number, ...told: string[]) => ({ type: "evidence", at, evidence: saw(at, ...told) }) as any;
  const first = course(opened.incident, changed(110_000, "a:up", "b:down"), asSeen);
  expect(first.incident).toMatchObject({
    kind: "global",
    evidence: [
      { region: "a", status: "down", since: 90_000, backSince: 110_000, error: { code: "connect_refused" } },
      { region: "b", status: "down", since: 110_000, backSince: null },
      { region: "c", status: "up", since: 90_000 },
    ],
  });
  expect(first.timeline).toMatchObject([{ type: "evidence", data: { regions: ["b"] } }]);
  const second = course(first.incident, changed(120_000, "a:up", "b:down", "c:down"), asSeen);
  expect(second.incident?.evidence).toMatchObject([{ backSince: 110_000 }, { backSince: null }, { status: "down" }]);
  const regional = { ...anIncident(), kind: "regional" } as const;
  expect(course(regional, changed(9_000, "eu-west:down", "us-east:down", "x:up"), asSeen).incident?.kind).toBe(
    "global",
  );
});
