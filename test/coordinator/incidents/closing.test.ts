import { expect, test } from "vitest";
import { close } from "../../../coordinator/incidents/closing.ts";
import { anIncident } from "../../support/incidents.ts";

const ending = { reason: "paused", by: "admin", at: 100_000 } as const;

test("an open incident ends, and it is told how bad it was and for how long, without the time that it was well", () => {
  const incident = anIncident({ monitorId: "mon_a", startedAt: 10_000, wellMs: 20_000, level: "degraded", notices: 3 });
  const course = close({ monitorId: "mon_a", incident, flapping: true, silence: { since: 90_000 } }, ending);
  expect(course.incident).toEqual({ ...incident, resolvedAt: 100_000, resolution: "paused", notices: 4 });
  expect(course.timeline).toEqual([
    {
      ...{ type: "resolved", at: 100_000, monitorId: "mon_a", incidentId: incident.id },
      data: { resolution: "paused", by: "admin" },
    },
  ]);
  expect(course.news).toEqual([
    {
      ...{ event: "closed", at: 100_000, monitorId: "mon_a", incident: course.incident },
      closing: { reason: "paused", by: "admin", was: "degraded", forMs: 70_000 },
    },
  ]);
});

test("a region's is told as impaired", () => {
  const incident = anIncident({ monitorId: null, region: "eu", kind: "vantage", level: "degraded", startedAt: 40_000 });
  const { incident: closed, news } = close({ monitorId: null, incident }, { ...ending, reason: "removed", by: null });
  expect(closed).toMatchObject({ resolution: "removed" });
  expect(news[0]).toMatchObject({ monitorId: null, closing: { was: "impaired", forMs: 60_000, by: null } });
});

const over = anIncident({
  startedAt: 1_000,
  recoveredAt: 2_000,
  resolvedAt: 3_000,
  resolution: "recovered",
  notices: 2,
});

test("that it flaps ends with the incident that told of it, which stays as it was", () => {
  const { incident, timeline, news } = close({ monitorId: "mon_a", incident: over, flapping: true }, ending);
  expect(incident).toEqual({ ...over, notices: 3 });
  expect(timeline).toEqual([]);
  expect(news).toMatchObject([
    { event: "closed", incident: { id: over.id }, closing: { was: "flapping", forMs: null } },
  ]);
});

test.each([
  [over, 60_000, 40_000],
  [null, null, null],
])("a silence ends, which is about no incident", (incident, since, forMs) => {
  const course = close({ monitorId: "mon_a", incident, silence: { since } }, ending);
  expect(course).toMatchObject({ incident: null, timeline: [] });
  expect(course.news).toMatchObject([{ event: "closed", incident: null, closing: { was: "no_data", forMs } }]);
});

test.each([[over], [null]])("of what is well nothing is told", (incident) => {
  expect(close({ monitorId: "mon_a", incident }, ending)).toEqual({ incident: null, timeline: [], news: [] });
});
