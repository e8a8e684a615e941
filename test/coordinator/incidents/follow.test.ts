import { expect, test } from "vitest";
import { follow } from "../../../coordinator/incidents/follow.ts";
import type { Incident } from "../../../coordinator/incidents/incident.ts";
import type { Effect } from "../../../coordinator/verdict/state.ts";
import type { Settled } from "../../../coordinator/verdict/verdict.ts";
import { anIncident } from "../../support/incidents.ts";

const settled = (from: Settled, to: Settled, before: Settled | null = null): Effect<any> => ({
  type: "settled",
  at: 100_000,
  from,
  to,
  suspectedAt: null,
  before,
  evidence: [],
});

const course = (incident: Incident | null, effect: Effect<any>) =>
  follow({
    monitorId: "mon_a",
    incident,
    effects: [effect],
    flapping: false,
    settled: "unknown",
    graceMs: 300_000,
    newId: () => "inc_new",
    evidenceOf: () => {
      throw new Error("nobody saw anything");
    },
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
