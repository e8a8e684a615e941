import { expect, test } from "vitest";
import type { IncidentDetail } from "../../../coordinator/http/api-types.ts";
import { courseOf } from "../../../coordinator/incidents/course.ts";
import { presentDelivery, presentEntry, presentIncident } from "../../../coordinator/incidents/present.ts";
import type { IncidentDelivery } from "../../../coordinator/store/incident-store.ts";
import { anIncident } from "../../support/incidents.ts";

const T = Date.parse("2026-03-01T12:00:00Z");
const incident = anIncident({ startedAt: T, detectedAt: T + 100, confirmedAt: T + 400, recoveredAt: T + 60_000 });

function detailOf(changes: Parameters<typeof anIncident>[0], deliveries: readonly IncidentDelivery[]): IncidentDetail {
  const entry = { id: 1, at: T + 400, type: "opened", data: { level: "down", regions: ["a", "b"] } } as const;
  return {
    ...presentIncident({ ...incident, ...changes, monitorName: "Shop" }, T),
    evidence: [],
    timeline: [presentEntry({ ...entry, monitorId: null, monitorName: null, incidentId: null })],
    deliveries: deliveries.map(presentDelivery),
  };
}

const delivery = (outcome: IncidentDelivery["outcome"], changes: Partial<IncidentDelivery> = {}): IncidentDelivery => ({
  id: "dlv_a",
  channelId: "chn_a",
  channelName: "On call",
  channelType: "slack",
  event: "no_data",
  step: 0,
  repeat: 0,
  state: outcome,
  mergedInto: null,
  outcome,
  attempts: 1,
  lastError: "status 500",
  createdAt: T + 500,
  dueAt: T + 500,
  endedAt: T + 900,
  ...changes,
});

const told = (...deliveries: IncidentDelivery[]) =>
  courseOf(detailOf({}, deliveries)).map(({ title, text }) => (text === "" ? title : `${title}: ${text}`));

test("the course is what the target did, what was seen of it, and whom it was told, in the order of time", () => {
  expect(
    told(
      delivery("uncertain", { repeat: 2, endedAt: T + 90_000 }),
      delivery("sent"),
      delivery("failed", { endedAt: T + 1_000 }),
      // What is on its way, or was not needed, has reached nobody.
      delivery("planned", { endedAt: null }),
      delivery("cancelled"),
    ),
  ).toEqual([
    "first check that failed",
    "in doubt: every region was asked at once",
    "opened: down, seen by a, b",
    "told: On call: no data",
    "could not be told: On call: no data (status 500)",
    "first check that passed",
    "may have been told: On call: no data, reminder 2 (status 500)",
  ]);
});

test("a region's own trouble has no checks of a target, and one look may be enough", () => {
  const titles = (changes: Parameters<typeof anIncident>[0]) =>
    courseOf(detailOf(changes, [])).map(({ title }) => title);
  expect(titles({ monitorId: null, region: "a", kind: "vantage" })).toEqual(["opened"]);
  expect(titles({ detectedAt: T + 400, recoveredAt: null, failedAgainAt: T + 9_000 })).toEqual([
    "first check that failed",
    "opened",
    "failed again",
  ]);
});
